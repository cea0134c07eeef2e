"""WhatsApp's numbers as telephone numbers: a `wa_id` keeps a form that the country itself has given up.

| country | WhatsApp | E.164 |
|---|---|---|
| Brazil, mobile | often without the ninth digit: 55 31 8765 4321 | +55 31 9 8765 4321 |
| Mexico | with a 1 after the code: 52 1 55 1234 5678 | +52 55 1234 5678 |

Argentina's 54 9… is E.164 as it stands; without the 9 it may be somebody's landline, so nothing is made of that.
What WhatsApp wrote is what replies go to; this is for recognising who calls.
"""

import re
from functools import lru_cache
from typing import Final

from connectors.phone_numbers import e164

_BRAZIL_WITHOUT_THE_NINE: Final = re.compile(r"55([1-9][0-9])([6-9][0-9]{7})")
_MEXICO_WITH_THE_ONE: Final = re.compile(r"521([0-9]{10})")


@lru_cache(maxsize=4096)
def number_of(wa_id: str) -> str | None:
    """E.164, or None when it is no dialable number. Remembered, for judging a number takes longer than reading a message."""
    if not wa_id.isascii() or not wa_id.isdecimal():
        return None
    return e164(f"+{_in_use(wa_id)}", international=True)


def _in_use(wa_id: str) -> str:
    if found := _BRAZIL_WITHOUT_THE_NINE.fullmatch(wa_id):
        return f"55{found[1]}9{found[2]}"
    if found := _MEXICO_WITH_THE_ONE.fullmatch(wa_id):
        return f"52{found[1]}"
    return wa_id
