"""The way somebody came to us, as people read it: each touch by its source's name, with the marks of how we know.

Whoever adds a column to it (how much of a sale a touch is given) adds it to `Link`, by `Link.id`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.formats import Formats
from inbox.rendering import channel_label
from inbox.source_names import SourceNames
from router.attribution import BY_HAND
from router.origins import DIRECT
from storage.reading.touches import TouchRow, touches_of

Mark = Literal["", "direct", "ambiguous", "by_hand"]
_AMBIGUOUS: Final = "ambiguous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One place on the way to us. `words`: campaign and where exactly; `channel` by its key, "" of none."""

    id: UUID
    at: datetime
    source: str
    words: str
    channel: str = ""
    channel_name: str = ""
    mark: Mark = ""
    candidates: tuple[str, ...] = ()
    """Of an ambiguous call: where whoever called may have come from."""


async def chain_of(
    connection: AsyncConnection, contact: UUID, *, names: SourceNames, formats: Formats
) -> list[Link]:
    return _chain(await touches_of(connection, contact), names, formats=formats)


def _chain(
    touches: Sequence[TouchRow],
    names: SourceNames,
    *,
    formats: Formats,
) -> list[Link]:
    """First touch → last touch; those between are shown too, the same place twice in a row once."""
    _ = formats.language._
    shown: list[TouchRow] = []
    for each in touches:
        if not shown or (each.source, each.campaign) != (shown[-1].source, shown[-1].campaign):
            shown.append(each)
    links: list[Link] = []
    for place, each in enumerate(shown):
        said = [each.campaign, f"«{each.term}»" if each.term else "", each.landing]
        if len(shown) > 1 and place in {0, len(shown) - 1}:
            said.insert(0, _("First touch") if place == 0 else _("Last touch"))
        mark = _mark(each)
        links.append(
            Link(
                id=each.id,
                at=each.at,
                source=_name(each, names, formats=formats),
                words=" · ".join(word for word in said if word),
                channel=each.channel,
                channel_name=channel_label(formats.language, each.channel) if each.channel else "",
                mark=mark,
                candidates=tuple(
                    dict.fromkeys(names.name(formats.language, *one) for one in _candidates(each))
                ),
            )
        )
    return links


def _mark(touch: TouchRow) -> Mark:
    if touch.medium == BY_HAND:
        return "by_hand"
    if touch.source == _AMBIGUOUS:
        return "ambiguous"
    return "direct" if (touch.source, touch.medium) == DIRECT[:2] else ""


def _name(touch: TouchRow, names: SourceNames, *, formats: Formats) -> str:
    """As the rules call it; a link of ours without words of its own by its name, as it was written."""
    name = names.name(formats.language, touch.source, touch.medium, touch.campaign)
    if touch.source == "link" and name == touch.source and touch.raw.get("link"):
        return str(touch.raw["link"])
    return name


def _candidates(touch: TouchRow) -> list[tuple[str, str, str]]:
    told: Any = touch.raw.get(_AMBIGUOUS, ())
    return [
        (each.get("source", ""), each.get("medium", ""), each.get("campaign", ""))
        for each in told
        if isinstance(each, Mapping)
    ]
