"""A report as rows and columns of numbers: what all ways of showing it are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from storage.analytics.figures import Kind, Value

Values = Mapping[str, Value]
Better = Literal["more", "less", ""]
State = Literal["", "unknown", "unmapped", "unshared", "rest", "nobody"]
"""What is to be known of a row besides its name: nobody knows from where; no rule has a name for it; spend that is nobody's;
those that did not fit; leads that nobody has.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`label` and `formula` in the reader's language. `better`: which way is good news. `counted`: what the cards
    behind its numbers are asked for by, "" when there are none; `cards` the column that does so in place of this one, and
    `only` what they are narrowed to besides what the line is.
    """

    name: str
    label: str
    formula: str
    kind: Kind
    better: Better = ""
    additive: bool = False
    counted: str = ""
    cards: str = ""
    only: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`only` is what the cards behind its numbers are narrowed to, None when there are none to show; `path` the keys that lead
    to it from outside. `inside` is None for what cannot be opened.
    """

    name: str
    values: Values
    before: Values = field(default_factory=dict)
    key: str = ""
    path: tuple[str, ...] = ()
    only: Mapping[str, str] | None = None
    state: State = ""
    colour: str = ""
    inside: Sequence["Line"] | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """`heading` is what the rows are. `asked` the question in words, (what, answer); `notes` what is missing in it, `hints`
    how to read it.
    """

    title: str
    heading: str
    columns: Sequence[Column]
    lines: Sequence[Line]
    total: Line | None
    asked: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    hints: Sequence[str] = ()
    currency: str = ""
    usual: Sequence[str] = ()
    """The columns that are shown to whoever has not chosen theirs."""

    def column(self, name: str) -> Column | None:
        return next((each for each in self.columns if each.name == name), None)

    def only_columns(self, names: Sequence[str]) -> "Sheet":
        """In the order of the report; all of the usual ones when none of these is there."""
        wanted = set(names) & {each.name for each in self.columns} or set(self.usual)
        if not wanted:
            return self
        return replace(self, columns=[each for each in self.columns if each.name in wanted])

    def in_order(self, sort: str) -> "Sheet":
        """By a column, or by name; what has no figure there last, spend that is nobody's after everything."""
        name = sort.removeprefix("-")
        if not sort or (name != BY_NAME and self.column(name) is None):
            return self
        return replace(self, lines=_sorted(self.lines, name, down=sort.startswith("-")))


BY_NAME: Final = "name"
_LAST: Final = ("unshared", "rest")


def _sorted(lines: Sequence[Line], name: str, *, down: bool) -> list[Line]:
    rest = [each for each in lines if each.state in _LAST]
    there = [each for each in lines if each.state not in _LAST]
    if name == BY_NAME:
        found = sorted(there, key=lambda line: line.name.casefold(), reverse=down)
    else:
        figured = [(value, each) for each in there if (value := each.values.get(name)) is not None]
        found = [each for _, each in sorted(figured, key=lambda pair: pair[0], reverse=down)]
        found += [each for each in there if each.values.get(name) is None]
    return [
        replace(each, inside=_sorted(each.inside, name, down=down)) if each.inside else each
        for each in [*found, *rest]
    ]
