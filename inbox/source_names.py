"""What the rules call a source, on every card and in every list: asked for once in a while, answered from memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from inbox.languages import Language
from router.attribution import BY_HAND
from router.origins import DIRECT
from router.source_rules import Rules
from router.tracks import AMBIGUOUS
from storage.sources import RuleRow

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
        if (source, medium) == DIRECT[:2]:
            return spoken._("Direct")
        if source == AMBIGUOUS:
            return spoken._("A call, it is not clear whose")
        return source


def names_by(rows: Sequence[RuleRow]) -> SourceNames:
    return SourceNames(
        rules=Rules([each.rule for each in rows]),
        names={each.source.id: each.source.name for each in rows},
    )
