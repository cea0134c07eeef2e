"""A code in the words that a link has written for the customer: https://wa.me/79161234567?text=…, the subject of a mail.

Such links carry nothing but text, so the advertisement's code stands in it, as "[ref: spring_sale]". People edit the
text: the brackets may be of another shape or gone, the case may have changed. It is taken out of what is shown, where
it would only puzzle.
"""

import re
from typing import Final

_CODE: Final = r"(?P<{}>[A-Za-z0-9][A-Za-z0-9_-]{{1,63}})"
_BRACKETED: Final = re.compile(
    r"\s*[\[({<]\s*#?ref\s*[:=#\s]\s*#?" + _CODE.format("code") + r"\s*[\])}>]", re.IGNORECASE
)
# Without brackets only where a link would put it, at one end, and only with the sign: "ref 12" may be anything.
_AT_THE_END: Final = re.compile(
    r"(?:^|\s+)#?ref\s?[:=]\s?#?" + _CODE.format("code") + r"[\s.!]*$", re.IGNORECASE
)
_AT_THE_BEGINNING: Final = re.compile(
    r"^\s*#?ref\s?[:=]\s?#?" + _CODE.format("code") + r"(?=\s)", re.IGNORECASE
)
LONGEST: Final = 1000
"""Characters looked through: links are short, and what is longer was written by a person."""


def take_code(text: str) -> tuple[str, str]:
    """(the code, the text without it); ("", text) when there is none."""
    if len(text) > LONGEST or "ref" not in text.lower():
        return "", text
    for form in (_BRACKETED, _AT_THE_END, _AT_THE_BEGINNING):
        found = form.search(text)
        if found is not None:
            return found["code"], (text[: found.start()] + text[found.end() :]).strip()
    return "", text
