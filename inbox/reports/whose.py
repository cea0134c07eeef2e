"""Whose figures a colleague reads: the company's, a team's, or only their own.

Administrators and marketers read the company's, and so does a team lead who sees everything. A lead with limited sight
reads those of a team of theirs; a manager, or a lead who sees only their own, reads their own. It is a condition that is
set here, whatever the address says. The report of sources is of advertising: it is the company's, but tells no colleague
from another there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from inbox.reports.spec import Spec
from inbox.reports.wish import ReportWish
from inbox.rights import Right, may
from storage.reading.sight import Sight


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Of this `manager`, or of one of these `teams`; of everybody with neither."""

    manager: UUID | None = None
    teams: tuple[UUID, ...] = ()

    @property
    def everybodys(self) -> bool:
        return self.manager is None and not self.teams

    def narrowed(self, wish: ReportWish) -> ReportWish:
        if self.everybodys:
            return wish
        others = {name: key for name, key in wish.only.items() if name != "manager"}
        if not wish.spec.of_people:
            by = wish.spec.groupings[0] if wish.by == "manager" else wish.by
            return replace(wish, only=others, by=by)
        if self.manager is not None:
            others.pop("team", None)
            return replace(wish, only={**others, "manager": str(self.manager)})
        team = wish.only.get("team", "")
        theirs = team if team in map(str, self.teams) else str(self.teams[0])
        return replace(wish, only={**wish.only, "team": theirs})

    def sets(self, spec: Spec, name: str) -> bool:
        """Whether this condition is not the reader's to take away."""
        return spec.of_people and name == (
            "manager" if self.manager is not None else "team" if self.teams else ""
        )

    def choices(self, spec: Spec, names: Sequence[str]) -> list[str]:
        """Of these groupings or filters, those that are offered."""
        if spec.of_people:
            return [each for each in names if self.manager is None or each != "team"]
        return [each for each in names if self.everybodys or each != "manager"]


def whose(role: str, sight: Sight) -> Whose:
    if not may(role, Right.READ_REPORTS):
        return Whose(manager=sight.user)
    if role != "lead" or sight.whole:
        return Whose()
    if sight.what == "team" and sight.teams:
        return Whose(teams=sight.teams)
    return Whose(manager=sight.user)
