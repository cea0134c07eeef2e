"""What somebody wants to see of a report, as the address says it: a report is a link that can be kept and sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, cast
from urllib.parse import urlencode
from uuid import UUID

from inbox.reports import periods
from inbox.reports.periods import COMPARED, Compared, Period
from inbox.reports.spec import CONDITIONS, Spec
from storage.analytics.models import ALL as MODELS
from storage.analytics.rollups import Basis

BASES: Final[tuple[Basis, ...]] = ("cohort", "event")
_IDS: Final = frozenset({"account", "manager", "pipeline", "stage", "team"})
_NUMBERS: Final = {"weekday": 7, "hour": 24}
LONGEST: Final = 300
MOST_OPEN: Final = 20
"""Rows opened at once: each is a question of its own."""
WITHOUT: Final = "without"
"""Names in an address, with commas, what there is to be none of: a campaign may be called anything, and a field left empty
narrows nothing.
"""
MAY_BE_WITHOUT: Final = frozenset({"campaign", "content", "term", "landing", "said", "channel"})
CARDS: Final = "/cards"
_BETWEEN: Final = "\x1f"
"""Between the keys of a row inside of a row: in no word that a link can carry (router.attribution cleans them)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportWish:
    """`named` is the period's name, "own" for days of one's own; `longer`: more of it was asked for than is answered. `only`
    is by name the key it is narrowed to, "" for what has none. `sort` is a column's name, with "-" from the greatest down,
    "" as the report has it. `opened`: rows that show what is in them, each as the keys that lead to it. `unclear` is what
    the address asks and the report does not understand, as (name, value).
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
    longer: bool = False
    unclear: Sequence[tuple[str, str]] = ()

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
        said += [(name, value) for name, value in self.only.items() if value]
        if without := [name for name, value in self.only.items() if not value]:
            said.append((WITHOUT, ",".join(without)))
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

    def free_of(self, condition: str) -> str:
        """The address without a condition."""
        only = {name: value for name, value in self.only.items() if name != condition}
        return replace(self, only=only).address()

    def address(self, *, path: str = "", **other: str | None) -> str:
        asked = self
        if path != CARDS:
            only = {each: key for each, key in self.only.items() if each not in self.spec.of_cards}
            asked = replace(self, only=only)
        query = asked.query(**other)
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


def wish_of(
    spec: Spec, query: Mapping[str, str], *, today: date, of_cards: bool = False
) -> ReportWish:
    """What is not understood is left out and told as `unclear`: an old link opens something, and says what it leaves out. A
    MultiDict may open several rows.
    """
    named, asked = _period(query, today=today)
    period = periods.cut(asked)
    wish = ReportWish(
        spec=spec,
        named=named,
        period=period,
        compared=cast("Compared", _one_of(COMPARED, query.get("compare"))),
        by=_one_of(spec.groupings, query.get("by")),
        basis=cast("Basis", _one_of(BASES, query.get("basis") if spec.bases else None)),
        model=_one_of(MODELS, query.get("model") if spec.models else None),
        only=_conditions(spec.filters + (spec.of_cards if of_cards else ()), query),
        sort=_word(query.get("sort", "")),
        changes=query.get("changes") == "1",
        opened=_opened(query),
        longer=period != asked,
    )
    return replace(wish, unclear=_unclear(wish, query))


def _one_of(known: Sequence[str], asked: str | None) -> str:
    return asked if asked is not None and asked in known else known[0]


def _period(query: Mapping[str, str], *, today: date) -> tuple[str, Period]:
    own = periods.own(day_of(query.get("from", "")), day_of(query.get("to", "")), today=today)
    if own is not None:
        return periods.OWN, own
    name = query.get("period", "")
    name = name if name in periods.NAMED else periods.USUAL
    return name, periods.named(name, today=today)


def _conditions(names: Sequence[str], query: Mapping[str, str]) -> dict[str, str]:
    without = MAY_BE_WITHOUT & set(query.get(WITHOUT, "").split(","))
    found = {}
    for name in names:
        key = _understood(name, query.get(name, "")) or ("" if name in without else None)
        if key is not None:
            found[name] = key
    return found


def _understood(name: str, value: str) -> str | None:
    value = value.replace("\0", "")[:LONGEST]
    if name in _NUMBERS:
        return (
            value if value.isdecimal() and len(value) < 3 and int(value) < _NUMBERS[name] else None
        )
    if name not in _IDS:
        return value
    try:
        return str(UUID(value))
    except ValueError:
        return None


def _unclear(wish: ReportWish, query: Mapping[str, str]) -> list[tuple[str, str]]:
    """Conditions and questions of another report among them: figures of everybody are no answer to those."""
    spec = wish.spec
    clear = {
        "from": day_of(query.get("from", "")) is not None,
        "to": day_of(query.get("to", "")) is not None,
        "period": query.get("period") in periods.NAMED,
        "compare": query.get("compare") in COMPARED,
        "by": query.get("by") in spec.groupings,
        "basis": spec.bases and query.get("basis") in BASES,
        "model": spec.models and query.get("model") in MODELS,
        **dict.fromkeys(CONDITIONS, False),
        **{name: bool(key) for name, key in wish.only.items()},
    }
    found = [
        (name, value)
        for name, is_clear in clear.items()
        if (value := query.get(name, "")) and not is_clear
    ]
    without = filter(None, query.get(WITHOUT, "").split(","))
    found += [(WITHOUT, name) for name in without if wish.only.get(name) != ""]
    return [(name, value.replace("\0", "")[:LONGEST]) for name, value in found]


def _opened(query: Mapping[str, str]) -> list[tuple[str, ...]]:
    getall = getattr(query, "getall", None)
    asked = getall("open", []) if getall else [query["open"]] if "open" in query else []
    paths = (tuple(each.replace("\0", "")[: 3 * LONGEST].split(_BETWEEN)) for each in asked)
    return list(dict.fromkeys(path for path in paths if len(path) < 3))[:MOST_OPEN]


def _word(text: str) -> str:
    return text if text.removeprefix("-").replace("_", "").isalnum() and len(text) < 40 else ""


def day_of(written: str) -> date | None:
    """None for what is no day, or one of no business."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None
    return day if periods.EARLIEST <= day <= periods.LATEST else None
