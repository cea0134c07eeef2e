"""What somebody wrote, apart from what they quoted: quotes, forwarded headers and signatures are folded away.

Mail clients put the mail they answer under the answer, each in its own way; Russian ones first here, for no library
knows them. The text is read line by line, once:

    mark      each line is a quote (`> …`), blank, or words; some lines begin a quote: an attribution ("21.11.2026, 12:03,
              Иван <i@example.ru>:"), a separator ("-----Исходное сообщение-----"), a block of От/Отправлено/Кому/Тема
    cut       below a separator or an attribution with nothing but quotes under it, all is quote; answers written between
              the lines keep the lines they answer
    sign      "-- ", "Отправлено с iPhone" and mailing-list footers at the end go too

Whatever would leave nothing is not done: better a quote too many than a word too few. A forwarded mail stays: it is what
the person wanted to show. The patterns look at lines of bounded length and cannot backtrack far, so the time is linear
(a mail of 750 KB made to hang such code takes some milliseconds).
"""

import re
from dataclasses import dataclass
from typing import Final

LINE: Final = 400
"""Characters of a line that are looked at: attributions are shorter."""
SIGNATURE_LINES: Final = 12

_MONTH = (
    r"(?:янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек|січ|лют|бер|кві|тра|чер|лип|сер|вер|жов|лис|гру"
    r"|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez|janv|févr|mars|avr|juin|juil|août|déc"
    r"|ene|abr|ago|dic|gen|mag|giu|lug|set|ott)\w{0,8}"
)
_DATE = re.compile(
    rf"""\b\d{{1,2}}[./-]\d{{1,2}}[./-](?:19|20)?\d{{2}}\b
    |\b(?:19|20)\d{{2}}[./-]\d{{1,2}}[./-]\d{{1,2}}\b
    |\b\d{{1,2}}(?:-?(?:го|е|th|st|nd|rd))?\.?\s{{1,3}}(?:de\s)?{_MONTH}[.,]{{0,2}}\s{{1,3}}(?:de\s)?(?:19|20)\d{{2}}\b
    |\b{_MONTH}\.?\s{{1,3}}\d{{1,2}}(?:th|st|nd|rd)?,?\s{{1,3}}(?:19|20)\d{{2}}\b""",
    re.IGNORECASE | re.VERBOSE,
)
_ADDRESS = re.compile(r"[<\[(]?(?:mailto:)?[^\s<>@\[\]()]{1,64}@[^\s<>@\[\]()]{1,253}[>\])]?")
_VERB = re.compile(
    r"(?:\bwrote|пишет|пишут|писал(?:а|и|\(а\))?|написал(?:а|и|\(а\))?|пише|написав|написала|schrieb"
    r"|a écrit|escribió|ha scritto|escreveu)\s{0,3}:\Z",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"[>\s]*(?:on|le|am|el|il|em|в|у)\s|[>\s]*(?:пн|вт|ср|чт|пт|сб|вс|понедельник|вторник|среда|четверг|пятница"
    r"|суббота|воскресенье|mon|tue|wed|thu|fri|sat|sun)\w{0,6}[,.\s]|[>\s]*[\"«]",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(
    r"[-–—_]{3,}\s{0,3}(?:исходное сообщение|первоначальное сообщение|оригинальное сообщение|original message"
    r"|ursprüngliche nachricht|message d'origine|mensaje original|reply message)\s{0,3}[-–—_]{3,}",
    re.IGNORECASE,
)
_FORWARD = re.compile(
    r"[-–—_]{2,}\s{0,3}(?:пересылаемое сообщение|пересланное сообщение|перенаправленное сообщение"
    r"|конец пересылаемого сообщения|forwarded message|forwarded by|weitergeleitete nachricht)"
    r"|(?:начало переадресованного сообщения|начало пересылаемого сообщения|begin forwarded message)\s{0,3}:",
    re.IGNORECASE,
)
_RULE = re.compile(r"[-–—_=*]{8,}\Z")
_LABEL = re.compile(
    r"\*?(?:(?P<from>от|от кого|from|von|de|від)|(?P<sent>отправлено|дата|date|sent|gesendet|envoyé|надіслано)"
    r"|(?P<to>кому|to|an|à|para)|(?P<subject>тема|subject|betreff|objet|asunto)"
    r"|(?P<other>копия|cc|важность|importance|reply-to|вложения|attachments))\s{0,2}:",
    re.IGNORECASE,
)
_MOBILE = re.compile(
    r"(?:отправлено|послано|надіслано)\s(?:с|из|со|через|от|з)\s[^,.:;!?]{2,60}(?:\.ru)?"
    r"|sent\s(?:from|via|with|using)\s(?:(?:my|mail|outlook|yahoo|gmail|proton|sparrow|samsung|windows|blackberry|myMail)\b)[^,.;!?]{0,60}"
    r"|(?:get|скачать|получить|загрузить)\soutlook\s(?:for|для)\s\w{2,12}.{0,80}"
    r"|sent\sfrom\soutlook\b.{0,80}",
    re.IGNORECASE,
)
_DELIMITER = re.compile(r"(?:--|—|––) ?\Z")


@dataclass(frozen=True, slots=True)
class Reply:
    """`words`: what is new. `folded`: whether something was left out of it."""

    words: str
    folded: bool


def new_words(text: str) -> Reply:
    """The words that are not a quote and not a signature."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    whole = text.replace("\r\n", "\n").strip()
    kept = _unquoted(lines)
    kept = _unsigned(kept)
    words = "\n".join(kept).strip()
    if not words:
        words = "\n".join(_unsigned(lines)).strip() or whole
    return Reply(words, words != whole)


# Quotes


def _unquoted(lines: list[str]) -> list[str]:
    """The lines without the mail they answer."""
    words_before = False
    position = 0
    while position < len(lines):
        line = lines[position][:LINE].strip()
        if not line:
            position += 1
            continue
        if _FORWARD.match(line):
            return lines
        if words_before and _begins_block(lines, position):
            return lines[:position]
        length = _attribution(lines, position)
        if length:
            return _below_attribution(lines, position, length, words_before=words_before)
        if line.startswith(">"):
            return _below_quote(lines, position)
        words_before = True
        position += 1
    return lines


def _begins_block(lines: list[str], position: int) -> bool:
    """Outlook, Yandex, and everybody's "original message": from here on nothing is new."""
    line = lines[position][:LINE].strip()
    if _SEPARATOR.match(line):
        return True
    if _RULE.match(line):
        return _labels(lines, position + 1) >= 2
    return _LABEL.match(line) is not None and _labels(lines, position) >= 3


def _labels(lines: list[str], position: int) -> int:
    """How many of From, Sent, To, Subject stand here one under the other, a wrapped line or two between them."""
    found: set[str] = set()
    others = 0
    begun = False
    for line in lines[position : position + 10]:
        bare = line[:LINE].strip().lstrip("> ")
        label = _LABEL.match(bare)
        if label:
            begun = True
            found.add(label.lastgroup or "")
        elif not bare and not begun:
            continue
        elif not bare or others >= 2:
            break
        else:
            others += 1
            if not begun:
                break
    return len(found - {"other"})


def _attribution(lines: list[str], position: int) -> int:
    """How many lines the attribution that begins here has (it wraps); 0: it is none."""
    first = lines[position][:LINE].strip()
    if not (_OPENING.match(first) or _DATE.search(first) or _ADDRESS.search(first)):
        return 0
    joined = ""
    for length in (1, 2, 3):
        if position + length > len(lines):
            return 0
        line = lines[position + length - 1][:LINE].strip()
        if not line or (length > 1 and line.startswith(">") and not first.startswith(">")):
            return 0
        joined = f"{joined} {line}" if joined else line
        if joined.endswith(":"):
            return length if _attributes(joined, lines, position + length) else 0
    return 0


def _attributes(joined: str, lines: list[str], after: int) -> bool:
    dated = _DATE.search(joined)
    addressed = _ADDRESS.search(joined)
    said = _VERB.search(joined)
    if (dated and addressed) or (addressed and said):
        return True
    if not dated or not (said or _OPENING.match(joined)):
        return False
    # A date and a verb may be somebody's own sentence: then a quote has to follow.
    following = next((line for line in lines[after : after + 4] if line.strip()), "")
    return following.lstrip().startswith(">") or (
        said is not None
        and dated.start() <= 12
        and bool(_OPENING.match(joined) or dated.start() == 0)
    )


def _below_attribution(
    lines: list[str], position: int, length: int, *, words_before: bool
) -> list[str]:
    before = lines[:position]
    start = _next_words(lines, position + length)
    quote_marked = start < len(lines) and lines[start].lstrip().startswith(">")
    if lines[position].lstrip().startswith(">"):
        # Apple and Mail.ru mark the attribution itself.
        quote_marked, start = True, position
    if not quote_marked:
        return before if words_before else lines
    end, answered = _quote_block(lines, start)
    if answered:
        return lines
    after = lines[end:]
    if not "".join(_unsigned(after)).strip():
        return before
    return [*before, *after]


def _below_quote(lines: list[str], position: int) -> list[str]:
    """Quoted lines that nobody is named for: at the end they are the mail answered, elsewhere somebody chose them."""
    end, answered = _quote_block(lines, position)
    if answered or "".join(_unsigned(lines[end:])).strip():
        return lines
    return lines[:position]


def _quote_block(lines: list[str], start: int) -> tuple[int, bool]:
    """Where the quote that begins at `start` ends, and whether words and quotes alternate after it."""
    end = position = start
    while position < len(lines):
        line = lines[position].strip()
        if line.startswith(">"):
            end = position + 1
        elif line and not _wrapped(lines, position):
            break
        position += 1
    answered = False
    for line in lines[end:]:
        words = line.strip()
        if words.startswith(">"):
            answered = True
            break
    return end, answered


def _wrapped(lines: list[str], position: int) -> bool:
    """The tail of a long quoted line that lost its mark when the mail was wrapped at 76 characters."""
    if position + 1 >= len(lines) or not lines[position + 1].lstrip().startswith(">"):
        return False
    above = lines[position - 1]
    return above.lstrip().startswith(">") and len(above) >= 60 and len(lines[position]) < 30


def _next_words(lines: list[str], position: int) -> int:
    while position < len(lines) and not lines[position].strip():
        position += 1
    return position


# Signatures


def _unsigned(lines: list[str]) -> list[str]:
    """The lines without what stands at the end of every mail of theirs."""
    kept = _without_blank_end(lines)
    kept = _without_footer(kept)
    kept = _without_mobile(kept)
    start = max(len(kept) - 2 * SIGNATURE_LINES, 0)
    rules = [each for each in range(start, len(kept)) if _DELIMITER.match(kept[each][:LINE])]
    for position in rules:
        below = sum(1 for line in kept[position + 1 :] if line.strip())
        # "-- " is the standard's; a bare "--" is a signature's when it is the only one, and a divider otherwise.
        if below <= SIGNATURE_LINES and (len(rules) == 1 or kept[position] == "-- "):
            kept = kept[:position]
            break
    return _without_mobile(_without_blank_end(kept))


def _without_mobile(lines: list[str]) -> list[str]:
    last = lines[-1][:LINE].strip() if lines else ""
    if last and _MOBILE.fullmatch(last.rstrip(".")):
        return _without_blank_end(lines[:-1])
    return lines


def _without_footer(lines: list[str]) -> list[str]:
    """A mailing list's own lines, under a rule of underscores."""
    for position in range(max(len(lines) - 6, 0), len(lines)):
        line = lines[position].strip()
        if (
            len(line) >= 20
            and not line.strip("_")
            and _LABEL.match("".join(lines[position + 1 : position + 2]).strip()) is None
        ):
            return _without_blank_end(lines[:position])
    return lines


def _without_blank_end(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return lines[:end]
