"""Entities → HTML. https://core.telegram.org/bots/api#messageentity

Offsets and lengths are in UTF-16 code units: an emoji is two. Entities may nest, and a forged update may let them
overlap; the HTML is well formed all the same. What has no look of its own (hashtags, bot commands) stays plain.
"""

from collections.abc import Callable, Sequence
from html import escape
from typing import Final

from connectors.channels.telegram.dialect import Entity

_LINKS: Final = ("http://", "https://", "tg://", "mailto:", "tel:")
_MANY: Final = 200
"""Telegram itself keeps at most 100 entities in a message."""

_PAIRS: Final = {
    "bold": "b",
    "italic": "i",
    "underline": "u",
    "strikethrough": "s",
    "spoiler": "span",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "expandable_blockquote": "blockquote",
}
_Span = tuple[int, int, str, str]


def to_html(text: str, entities: Sequence[Entity]) -> str:
    """`text` as HTML, or "" when it has no formatting that the plain text does not show."""
    if not entities:
        return ""
    index = _indexer(text)
    spans: list[_Span] = []
    for entity in entities[:_MANY]:
        start, end = index(entity.offset), index(entity.offset + entity.length)
        tags = _tags(entity, text[start:end]) if start < end else None
        if tags is not None:
            spans.append((start, end, *tags))
    return _render(text, spans) if spans else ""


def _indexer(text: str) -> Callable[[int], int]:
    """From a position in UTF-16 code units to one in code points, both cut at the ends of the text."""
    if text.isascii() or max(text, default="") <= "\uffff":
        last = len(text)
        return lambda units: min(max(units, 0), last)
    places: list[int] = []
    for place, char in enumerate(text):
        places.append(place)
        if char > "\uffff":
            places.append(place)
    places.append(len(text))
    return lambda units: places[min(max(units, 0), len(places) - 1)]


def _tags(entity: Entity, covered: str) -> tuple[str, str] | None:
    tag = _PAIRS.get(entity.type)
    if tag == "span":
        return '<span class="spoiler">', "</span>"
    if tag is not None:
        return f"<{tag}>", f"</{tag}>"
    target = _target(entity, covered)
    if target is None or not target.lower().startswith(_LINKS):
        return None
    return f'<a href="{escape(target)}">', "</a>"


def _target(entity: Entity, covered: str) -> str | None:
    if entity.type == "text_link":
        return entity.url
    if entity.type == "url":
        return covered if "://" in covered else f"http://{covered}"
    if entity.type == "mention":
        return f"https://t.me/{covered.removeprefix('@')}"
    if entity.type == "text_mention" and entity.user is not None:
        return f"tg://user?id={entity.user.id}"
    scheme = {"email": "mailto:", "phone_number": "tel:"}.get(entity.type)
    return scheme and scheme + covered


def _render(text: str, spans: list[_Span]) -> str:
    spans.sort(key=lambda span: (span[0], -span[1]))
    points = sorted({0, len(text), *(span[0] for span in spans), *(span[1] for span in spans)})
    out: list[str] = []
    open_spans: list[_Span] = []
    for point, following in zip(points, [*points[1:], len(text)], strict=True):
        reopen: list[_Span] = []
        while any(span[1] <= point for span in open_spans):
            span = open_spans.pop()
            out.append(span[3])
            if span[1] > point:
                reopen.append(span)
        starting = [span for span in spans if span[0] == point]
        for span in (*reversed(reopen), *starting):
            out.append(span[2])
            open_spans.append(span)
        out.append(escape(text[point:following], quote=False).replace("\n", "<br>"))
    out.extend(span[3] for span in reversed(open_spans))
    return "".join(out)
