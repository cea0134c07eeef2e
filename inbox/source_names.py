"""What the rules call a source, on every card and in every list: asked for once in a while, answered from memory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.languages import Language
from router.attribution import BY_HAND
from router.origins import DIRECT
from router.source_rules import Rules
from router.tracks import AMBIGUOUS
from storage.reading.lead_sources import BETWEEN, KnownSource
from storage.sources import list_rules

_NONE: Final = Rules(())


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceNames:
    rules: Rules = _NONE
    names: Mapping[UUID, str] = field(default_factory=dict)

    def name(self, spoken: Language, source: str, medium: str, campaign: str) -> str:
        """As people read it; what no rule knows as it was written, and nothing of nothing."""
        if not source or medium == BY_HAND:
            return source
        rule = self.rules.first(source, medium, campaign)
        if rule is not None:
            return self.names[rule.source_id]
        return _without_rule(spoken, source, medium) or source

    def of_touch(self, spoken: Language, touch: Mapping[str, Any] | None) -> str:
        """Of what is kept of a touch; "" when nothing is known."""
        told = touch or {}
        parts = (str(told.get(part) or "") for part in ("source", "medium", "campaign"))
        return self.name(spoken, *parts)

    def of_key(self, spoken: Language, key: str) -> str:
        """Of what lists are narrowed by (`storage.reading.lead_sources`)."""
        found = {str(id_): name for id_, name in self.names.items()}.get(key)
        return found or unnamed(spoken, key)

    def choices(self, spoken: Language, known: Iterable[KnownSource]) -> list[tuple[str, str]]:
        """(key, words), in the order of the words."""
        found = [(each.key, each.name or unnamed(spoken, each.key)) for each in known]
        return sorted(found, key=lambda one: one[1].casefold())


def unnamed(spoken: Language, key: str) -> str:
    """`vk / cpc` that no rule names: as it is, but for what is no word of a link."""
    source, between, medium = key.rpartition(BETWEEN)
    if not between or not source:
        return source or medium
    return _without_rule(spoken, source, medium) or (f"{source} / {medium}" if medium else source)


def _without_rule(spoken: Language, source: str, medium: str) -> str:
    """Of what Allo calls so by itself."""
    if medium == BY_HAND:
        return source
    if (source, medium) == DIRECT[:2]:
        return spoken._("Direct")
    return spoken._("A call, it is not clear whose") if source == AMBIGUOUS else ""


async def read_names(connection: AsyncConnection) -> SourceNames:
    rows = await list_rules(connection)
    return SourceNames(
        rules=Rules([each.rule for each in rows]),
        names={each.source.id: each.source.name for each in rows},
    )
