"""A digest's words: the main figures with what they were before, the first rows, where to see all of it, how to stop it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inbox.rendering import render
from inbox.reports.look import Look
from inbox.reports.naming import days_words
from inbox.reports.sheet import Sheet
from inbox.reports.wish import ReportWish

ROWS: Final = 10
COLUMNS: Final = 5
MAIN: Final = {
    "summary": ("leads", "won", "lost", "revenue", "average_sale", "win_rate"),
    "sources": ("leads", "qualified", "new_customers", "revenue", "spend", "cpl", "cac", "romi"),
    "managers": ("answered", "first_median", "messages", "won", "revenue"),
    "calls": ("incoming", "outgoing", "missed", "not_called_back"),
}
"""By report; the funnel has no total of its own, its stages are the rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    label: str
    value: str
    change: str
    before: str


def words(wish: ReportWish, look: Look, sheet: Sheet, *, name: str, link: str, stop: str) -> Words:
    """`name` is what the report was saved under. For the days before today's: a digest of the morning is of yesterday."""
    days = days_words(look, wish.period)
    figures = _figures(wish, look, sheet)
    shown = sheet.only_columns(())
    columns = shown.columns[:COLUMNS]
    rows = [
        (line.name, [look.say(line.values.get(each.name), each) for each in columns])
        for line in shown.lines[:ROWS]
    ]
    context = {
        "name": name,
        "days": days,
        "figures": figures,
        "heading": sheet.heading,
        "columns": [each.label for each in columns],
        "rows": rows,
        "more": max(0, len(shown.lines) - ROWS),
        "notes": sheet.notes,
        "link": link,
        "stop": stop,
    }
    return Words(
        subject=f"{name}: {days}",
        text=_text(look, context_figures=figures, rows=rows, labels=[c.label for c in columns], days=days, name=name, link=link, stop=stop, notes=sheet.notes),
        html=render(look.language, "mail/digest.html", context),
    )  # fmt: skip


def _figures(wish: ReportWish, look: Look, sheet: Sheet) -> list[Figure]:
    found = []
    for name in MAIN.get(wish.spec.name, ()):
        column = sheet.column(name)
        if column is None or sheet.total is None:
            continue
        now, before = sheet.total.values.get(name), sheet.total.before.get(name)
        change = look.change(now, before, column)
        sign = {"up": "+", "down": "−", "level": ""}[change.way] if change else ""
        found.append(
            Figure(
                label=column.label,
                value=look.say(now, column),
                change=f"{sign}{change.words}" if change else "",
                before=change.before if change else "",
            )
        )
    return found


def _text(  # what stands in it
    look: Look,
    *,
    context_figures: Sequence[Figure],
    rows: Sequence[tuple[str, Sequence[str]]],
    labels: Sequence[str],
    days: str,
    name: str,
    link: str,
    stop: str,
    notes: Sequence[str],
) -> str:
    _ = look._
    lines = [f"{name}", days, ""]
    for each in context_figures:
        was = (
            " ({change}, {was} {before})".format(
                change=each.change, was=_("was"), before=each.before
            )
            if each.change
            else ""
        )
        lines.append(f"{each.label}: {each.value}{was}")
    if rows:
        lines.append("")
    for row, values in rows:
        told = ", ".join(
            f"{label.lower() if not label.isupper() else label} {value}"
            for label, value in zip(labels, values, strict=True)
        )
        lines.append(f"{row}: {told}")
    lines += ["", *notes] if notes else []
    lines += ["", _("The whole report: {link}").format(link=link)]
    if stop:
        lines.append(_("Not to get it any more: {link}").format(link=stop))
    return "\n".join(lines)
