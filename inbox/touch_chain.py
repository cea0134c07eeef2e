"""The way somebody came to us, as people read it: each touch by its source's name, with the marks of how we know.

And how much of a lead each of them is given, by every model that reports know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from babel.numbers import format_percent
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.formats import Formats
from inbox.rendering import channel_label
from inbox.source_names import SourceNames
from router.attribution import BY_HAND
from router.attribution_models import WHOLE
from router.origins import DIRECT
from storage.analytics.lead_credit import parts_of
from storage.analytics.models import ALL
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a touch is given: "40 %"."""

    source: str
    campaign: str
    at: datetime | None
    much: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """One model's answer, in the order of the touches."""

    model: str
    shares: Sequence[Share]


async def sharing_of(
    connection: AsyncConnection, lead: UUID, *, names: SourceNames, formats: Formats
) -> Sequence[Sharing]:
    """None where there is nothing to share: a lead of one touch is that one's under every model."""
    parts = await parts_of(connection, lead)
    if len(parts) < 2:
        return ()
    return [
        Sharing(
            model=model,
            shares=[
                Share(
                    source=names.name(formats.language, each.source, each.medium, each.campaign)
                    if each.source
                    else formats.language._("Not known"),
                    campaign=each.campaign,
                    at=each.at,
                    much=_percent(each.weights[model], formats),
                )
                for each in parts
                if each.weights[model]
            ],
        )
        for model in ALL
    ]


def _percent(weight: int, formats: Formats) -> str:
    """As the language writes it, with or without a space, and a tenth where there is one."""
    locale = formats.language.locale
    pattern = locale.percent_formats[None].pattern.replace("0", "0.#", 1)
    return format_percent(weight / WHOLE, pattern, locale=locale)


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
