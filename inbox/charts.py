"""Charts as SVG, drawn here by pygal and dressed by our stylesheet: no script, no style of its own (strict CSP), both themes.

pygal puts its styles and scripts into the picture; `_tame` takes them out and gives it a name and a description. What people
read is HTML around it: words scale and break there as they do everywhere, and every chart has its numbers beside it or in a
table, for those who do not see it. A heat map is a table whose cells are coloured: pygal has none, and a table says more.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal

import pygal
from markupsafe import Markup

# It puts a finder of plugins of its own among Python's, which is not up to date with them; we have no plugins of it.
sys.meta_path[:] = [each for each in sys.meta_path if type(each).__name__ != "PluginImportFixer"]

_LINE: Final = {"width": 480, "height": 220}
_BAR_HEIGHT: Final = 28
"""As `.bars__row` in report.css, so that a bar is beside its words."""
_ROOM: Final = 0.5
HEAT_STEPS: Final = 8
"""As many shades as the stylesheet has."""
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """`look` is a class of the stylesheet: k1, k2, k3 for bars, now and was for lines."""

    name: str
    values: Sequence[float | None]
    look: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRow:
    """A bar, or a row of the table: its words, where they lead, and its numbers in words."""

    name: str
    numbers: Sequence[str]
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCell:
    """`shade` from 0 for nothing to HEAT_STEPS; `about` says it in full."""

    words: str
    about: str
    shade: int
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`headings` are of the table, its first column included."""

    kind: Literal["bars", "line", "heat"]
    title: str
    id: str
    legend: Sequence[tuple[str, str]] = ()
    svg: Markup | None = None
    headings: Sequence[str] = ()
    rows: Sequence[ChartRow] = ()
    heat: Sequence[tuple[str, Sequence[HeatCell]]] = field(default_factory=tuple)
    wide: bool = False


def lines(
    series: Sequence[Series],
    labels: Sequence[str],
    *,
    name: str,
    about: str,
    said: Callable[[float], str],
    short: Callable[[float], str],
) -> Markup:
    """Over the same labels; a gap where there is no value. `said` is a value in words, `short` one on the axis."""
    every = max(1, -(-len(labels) // 6))
    chart = pygal.Line(
        **_PLAIN, **_LINE, x_labels_major_every=every, show_minor_x_labels=False, dots_size=3,
        show_minor_y_labels=True, formatter=said,
    )  # fmt: skip
    chart.x_labels = list(labels)
    chart.y_labels = [{"value": each, "label": short(each)} for each in _steps(series)]
    return _drawn(chart, series, name=name, about=about, stretched=False)


def bars(
    series: Sequence[Series], *, stacked: bool, name: str, about: str, labels: Sequence[str]
) -> Markup:
    """Lying bars from above downwards, to be stretched beside their words. `stacked`: the series are parts of one bar."""
    kind = pygal.HorizontalStackedBar if stacked else pygal.HorizontalBar
    rows = max((len(each.values) for each in series), default=0)
    chart = kind(
        **_PLAIN, width=400, height=_BAR_HEIGHT * max(1, rows), show_x_labels=False, show_y_labels=False,
        show_x_guides=False, show_y_guides=False, spacing=0, rounded_bars=2,
    )  # fmt: skip
    # pygal counts from below.
    chart.x_labels = list(reversed(labels))
    upside = [
        Series(name=each.name, values=list(reversed(each.values)), look=each.look)
        for each in series
    ]
    return _drawn(chart, upside, name=name, about=about, stretched=True)


_PLAIN: Final[dict[str, Any]] = {
    "show_legend": False, "margin": 0, "js": (), "css": (), "disable_xml_declaration": True, "no_prefix": True,
    "print_values": False, "truncate_label": -1,
}  # fmt: skip


def _steps(series: Sequence[Series]) -> list[float]:
    """Round numbers from nothing to the highest: five or fewer."""
    highest = max((value or 0 for each in series for value in each.values), default=0)
    step = 1.0
    while highest / step > 5:
        step *= 2.5 if str(step)[0] == "2" else 2
    top = -(-highest // step)
    return [step * each for each in range(int(top) + 1)] or [0, 1]


def _drawn(
    chart: Any, series: Sequence[Series], *, name: str, about: str, stretched: bool
) -> Markup:
    for each in series:
        chart.add(each.name, list(each.values))
    chart.add_xml_filter(
        _tame([each.look for each in series], name=name, about=about, stretched=stretched)
    )
    return Markup(chart.render(is_unicode=True))  # noqa: S704  # pygal escapes what it is given


def _tame(looks: Sequence[str], *, name: str, about: str, stretched: bool) -> Callable[[Any], Any]:
    """What makes pygal's picture ours."""

    def tamed(root: Any) -> Any:
        number = next(_numbers)
        _strip(root)
        for group in [each for each in root.iter() if _kind(each) == "g"]:
            kind = group.get("class", "")
            if kind.startswith("series "):
                place = int(kind.split("serie-")[1].split()[0])
                group.set("class", f"series {looks[place]}")
            elif kind in {"dots", "bar"}:
                _say(group)
                if stretched:
                    _slim(group)
        root.attrib.pop("id", None)
        root.set("class", "chart__svg")
        if stretched:
            root.set("preserveAspectRatio", "none")
        root.set("role", "img")
        root.set("aria-labelledby", f"chart-{number}-t chart-{number}-d")
        for place, (tag, words) in enumerate((("title", name), ("desc", about))):
            said = root.makeelement(tag, {"id": f"chart-{number}-{tag[0]}"})
            said.text = words
            root.insert(place, said)
        return root

    return tamed


_FOREIGN: Final = {"defs", "style", "script", "title"}


def _strip(root: Any) -> None:
    """Of what is not a part of the picture: styles, scripts, what pygal says of itself."""
    for parent in list(root.iter()):
        parent.attrib.pop("style", None)
        for child in list(parent):
            if not isinstance(child.tag, str) or _kind(child) in _FOREIGN:
                parent.remove(child)


def _kind(element: Any) -> str:
    """Its tag without the namespace, which pygal writes as an attribute."""
    return str(element.tag).rpartition("}")[2]


def _say(group: Any) -> None:
    """What pygal's script would show beside the pointer, the browser does by itself: a title."""
    said = {each.get("class", "").split(" ")[0]: each for each in group if _kind(each) == "desc"}
    label, value = said.get("x_label"), said.get("value")
    for each in said.values():
        group.remove(each)
    if value is not None:
        title = group.makeelement("title", {})
        title.text = f"{label.text}: {value.text}" if label is not None else value.text
        group.insert(0, title)


def _slim(bar: Any) -> None:
    """Room between the bars: pygal leaves next to none."""
    for each in bar:
        if _kind(each) == "rect":
            y, height = float(each.get("y")), float(each.get("height"))
            room = height * _ROOM if height > _BAR_HEIGHT / 2 else 0
            each.set("y", f"{y + room / 2:.1f}")
            each.set("height", f"{height - room:.1f}")


def shade(value: float, highest: float) -> int:
    """From 0 for nothing to HEAT_STEPS for the highest; the least there is has a shade too."""
    if value <= 0 or highest <= 0:
        return 0
    return max(1, round(value / highest * HEAT_STEPS))
