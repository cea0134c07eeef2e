"""When a digest is sent next: at an hour of the company's clock, every day, on a day of the week or of the month."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from storage.digests import Every


def next_time(every: Every, *, on_day: int, hour: int, zone: ZoneInfo, after: datetime) -> datetime:
    """The first moment later than `after`. The 31st of a shorter month is its last day."""
    day = after.astimezone(zone).date()
    for _turn in range(63):
        if _is_its_day(every, on_day, day):
            at = datetime.combine(day, time(hour), zone).astimezone(UTC)
            if at > after:
                return at
        day += timedelta(days=1)
    raise AssertionError("two months have every day of the week and of the month")


def _is_its_day(every: Every, on_day: int, day: date) -> bool:
    match every:
        case "day":
            return True
        case "week":
            return day.isoweekday() == min(on_day, 7)
        case "month":
            return day.day == min(on_day, monthrange(day.year, day.month)[1])
