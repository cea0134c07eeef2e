"""Days, weeks and months: what sums are kept of, and which whole ones a period holds."""

from datetime import date, timedelta
from typing import Final, Literal

Step = Literal["day", "week", "month"]
STEPS: Final[tuple[Step, ...]] = ("day", "week", "month")


def begin_of(day: date, step: Step) -> date:
    """The first day of its week, which is a Monday, or of its month."""
    match step:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)


def following(day: date, step: Step) -> date:
    """The first day of the next one, of a day that is the first of its own."""
    return begin_of(day + timedelta(days={"day": 1, "week": 7, "month": 32}[step]), step)


def whole(first: date, last: date, step: Step) -> tuple[date, date]:
    """From the first day of the first whole one to the day after the last; equal or turned round when there is none."""
    begin = begin_of(first, step)
    return (
        begin if begin == first else following(begin, step),
        begin_of(last + timedelta(days=1), step),
    )


def begun_in_month(month: date, step: Step) -> tuple[date, date]:
    """The first and the last day of all that begin in the month; `month` is its first day."""
    after = following(month, "month")
    begin = begin_of(month, step)
    end = begin_of(after, step)
    return (
        begin if begin == month else following(begin, step),
        (end if end == after else following(end, step)) - timedelta(days=1),
    )


def first_day(day: str, step: Step) -> str:
    """SQL of `begin_of`."""
    return day if step == "day" else f"cast(date_trunc('{step}', {day}) as date)"
