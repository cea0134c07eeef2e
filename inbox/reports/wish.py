"""What somebody wants to see of a report, as the address says it: a report is a link that can be kept and sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, cast
from urllib.parse import urlencode
from uuid import UUID

from inbox.reports import periods
from inbox.reports.periods import COMPARED, Compared, Period
from inbox.reports.spec import Spec
from storage.analytics.models import ALL as MODELS
from storage.analytics.rollups import Basis

BASES: Final[tuple[Basis, ...]] = ("cohort", "event")
_IDS: Final = frozenset({"account", "manager", "pipeline", "stage", "team"})
_NUMBERS: Final = {"weekday": 7, "hour": 24}
LONGEST: Final = 300
MOST_OPEN: Final = 20
"""Rows opened at once: each is a question of its own."""
EMPTY: Final = "—"
"""Stands in an address for the key that is no word: what has no campaign, no phrase. A field left empty narrows nothing."""
_BETWEEN: Final = "\x1f"
"""Between the keys of a row inside of a row: in no word that a link can carry (router.attribution cleans them)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportWish:
    """`named` is the period's name, "own" for days of one's own. `sort` is a column's name, with "-" from the greatest down,
    "" as the report has it. `opened`: rows that show what is in them, each as the keys that lead to it.
    """

    spec: Spec
    named: str
    period: Period
    compared: Compared
    by: str
    basis: Basis
    model: str
    only: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    changes: bool = False
    opened: Sequence[tuple[str, ...]] = ()

    @property
    def before(self) -> Period | None:
        return self.period.before(self.compared)

    def at_the_time_before(self) -> "ReportWish | None":
        """The same of the days it is compared with."""
        return replace(self, period=self.before) if self.before is not None else None

    def fields(self) -> list[tuple[str, str]]:
        """As the address has it, what is usual left out."""
        spec, said = self.spec, []
        if self.named == periods.OWN:
            said += [("from", self.period.first.isoformat()), ("to", self.period.last.isoformat())]
        elif self.named != periods.USUAL:
            said.append(("period", self.named))
        for name, value, usual in (
            ("compare", self.compared, COMPARED[0]),
            ("by", self.by, spec.groupings[0] if spec.groupings else ""),
            ("basis", self.basis, BASES[0]),
            ("model", self.model, MODELS[0]),
            ("sort", self.sort, ""),
            ("changes", "1" if self.changes else "", ""),
        ):
            if value != usual:
                said.append((name, value))
        said += [(name, value or EMPTY) for name, value in self.only.items()]
        said += [("open", _BETWEEN.join(path)) for path in self.opened]
        return said

    def query(self, **other: str | None) -> str:
        """The same with something else; None takes it away. What is opened stays only while the rows stay."""
        changed = {name.rstrip("_"): value for name, value in other.items()}
        if changed.keys() & {"period", "from", "to"}:
            changed = {"period": None, "from": None, "to": None, **changed}
        if "by" in changed:
            changed["open"] = None
        kept = [(name, value) for name, value in self.fields() if name not in changed]
        return urlencode(kept + [(name, value) for name, value in changed.items() if value])

    def with_(self, name: str, value: str | None) -> str:
        """The address with one thing else, named by a variable."""
        other: dict[str, Any] = {name: value}
        return self.address(**other)

    def address(self, *, path: str = "", **other: str | None) -> str:
        query = self.query(**other)
        where = f"/reports/{self.spec.name}{path}"
        return f"{where}?{query}" if query else where

    def turned(self, path: tuple[str, ...]) -> str:
        """The address at which this row is open, or closed if it is open now."""
        if path in self.opened:
            opened = [each for each in self.opened if each[: len(path)] != path]
        else:
            opened = [*self.opened, path]
        return replace(self, opened=opened).address()

    def hidden(self, *without: str) -> list[tuple[str, str]]:
        """For a form that asks for the rest itself."""
        return [(name, value) for name, value in self.fields() if name not in without]

    def sorted_by(self, column: str) -> str:
        """The address with this column first; a second time the other way round."""
        return self.address(sort=column if self.sort == f"-{column}" else f"-{column}")


def wish_of(spec: Spec, query: Mapping[str, str], *, today: date) -> ReportWish:
    """What is not understood is left out: an old link opens something. A MultiDict may open several rows."""

    def one_of(name: str, known: Sequence[str]) -> str:
        return query[name] if query.get(name) in known else known[0]

    named, period = _period(query, today=today)
    return ReportWish(
        spec=spec,
        named=named,
        period=period,
        compared=cast("Compared", one_of("compare", COMPARED)),
        by=one_of("by", spec.groupings) if spec.groupings else "",
        basis=cast("Basis", one_of("basis", BASES)) if spec.bases else BASES[0],
        model=one_of("model", MODELS) if spec.models else MODELS[0],
        only={
            name: value
            for name in spec.filters
            if query.get(name) and (value := _understood(name, query[name])) is not None
        },
        sort=_word(query.get("sort", "")),
        changes=query.get("changes") == "1",
        opened=_opened(query),
    )


def _period(query: Mapping[str, str], *, today: date) -> tuple[str, Period]:
    own = periods.own(day_of(query.get("from", "")), day_of(query.get("to", "")), today=today)
    if own is not None:
        return periods.OWN, own
    name = query.get("period", "")
    name = name if name in periods.NAMED else periods.USUAL
    return name, periods.named(name, today=today)


def _understood(name: str, value: str) -> str | None:
    value = value.replace("\0", "")[:LONGEST]
    if name in _NUMBERS:
        return (
            value if value.isdecimal() and len(value) < 3 and int(value) < _NUMBERS[name] else None
        )
    if name not in _IDS:
        return "" if value == EMPTY else value
    try:
        return str(UUID(value))
    except ValueError:
        return None


def _opened(query: Mapping[str, str]) -> list[tuple[str, ...]]:
    getall = getattr(query, "getall", None)
    asked = getall("open", []) if getall else [query["open"]] if "open" in query else []
    paths = (tuple(each.replace("\0", "")[: 3 * LONGEST].split(_BETWEEN)) for each in asked)
    return list(dict.fromkeys(path for path in paths if len(path) < 3))[:MOST_OPEN]


def _word(text: str) -> str:
    return text if text.removeprefix("-").replace("_", "").isalnum() and len(text) < 40 else ""


def day_of(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None
