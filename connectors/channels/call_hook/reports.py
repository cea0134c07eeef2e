"""The schema of a report, and how it becomes Allo's own words. Documented in docs/channels/call-hook.md."""

import hashlib
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from connectors.callers import line, other_side
from connectors.connector import Account
from router.clean_text import clean_line
from router.message import CallReported, SourceKeys

Name = Annotated[str, Meta(min_length=1, max_length=128)]
Short = Annotated[str, Meta(max_length=128)]
Address = Annotated[str, Meta(max_length=2000)]
Moment = Annotated[datetime, Meta(tz=True)]
Seconds = Annotated[float, Meta(ge=0, le=7 * 86_400)]
Words = Annotated[dict[Short, Address], Meta(max_length=30)]


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of the advertising behind the call, as `router.message.SourceKeys`."""

    code: Short = ""
    utm: Words = field(default_factory=dict)
    click_ids: Words = field(default_factory=dict)
    landing: Address = ""
    referrer: Address = ""


class Report(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happened to a call, or to one leg of it. What is not known is left out.

    A name that is not here is refused rather than ignored: who writes `answeredBy` would otherwise wonder for weeks.
    """

    call: Name
    phase: Literal["ringing", "talking", "ended", "missed", "transferred", "recorded"]
    id: Short = ""
    leg: Short = ""
    direction: Literal["in", "out"] = "in"
    customer: Short = ""
    name: Short = ""
    line: Short = ""
    extension: Short = ""
    answered_by: Short = ""
    transferred_to: Short = ""
    at: Moment | None = None
    started_at: Moment | None = None
    answered_at: Moment | None = None
    ended_at: Moment | None = None
    duration: Seconds | None = None
    reason: Short = ""
    recording: Address = ""
    initiated: Short = ""
    source: Source | None = None
    route: bool = False


class Wrong(Exception):
    """What is wrong with a report, in words for who wrote it."""


_decode = msgspec.json.Decoder(Report).decode


def read(account: Account, raw: bytes, received_at: datetime) -> tuple[CallReported, bool]:
    """The report, and whether it asks who shall be rung. Raises Wrong."""
    try:
        report = _decode(raw)
    except msgspec.ValidationError as error:
        raise Wrong(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise Wrong("not JSON") from error
    if report.phase == "recorded" and not report.recording:
        raise Wrong("a recorded call needs `recording`, the address of the file")
    if report.recording and not report.recording.startswith(("https://", "http://")):
        raise Wrong("`recording` is not an address: https://…")
    call = clean_line(report.call)
    if not call:
        raise Wrong("`call` is empty")
    return _told(account, report, call, received_at), report.route


def _told(account: Account, report: Report, call: str, received_at: datetime) -> CallReported:
    region = account.region
    far = other_side(report.customer, call=call, region=region, name=report.name)
    leg = clean_line(report.leg)
    # Without an id of their own two reports are the same when they say the same.
    own = clean_line(report.id) or hashlib.sha256(msgspec.json.encode(report)).hexdigest()[:32]
    known = [report.at, report.ended_at, report.answered_at, report.started_at]
    at = next((each for each in known if each is not None), received_at)
    return CallReported(
        key=f"{call}:{leg}:{report.phase}:{own}",
        chat=far.chat,
        at=min(at, received_at),
        sender=far.sender,
        call=call,
        leg=leg,
        direction=report.direction,
        phase=report.phase,
        ours=line(report.line, region=region),
        theirs=far.number,
        answered_by=clean_line(report.answered_by),
        duration=report.duration,
        recording=clean_line(report.recording, limit=2000),
        source=_source(report.source),
        extension=clean_line(report.extension),
        transferred_to=clean_line(report.transferred_to),
        started_at=report.started_at,
        answered_at=report.answered_at,
        ended_at=report.ended_at,
        reason=clean_line(report.reason),
        initiated=clean_line(report.initiated),
    )


def _source(told: Source | None) -> SourceKeys | None:
    if told is None:
        return None
    return SourceKeys(
        code=clean_line(told.code),
        utm=_words(told.utm),
        click_ids=_words(told.click_ids),
        landing=clean_line(told.landing, limit=2000),
        referrer=clean_line(told.referrer, limit=2000),
    )


def _words(told: dict[str, str]) -> dict[str, str]:
    """utm_source is source, as everywhere in Allo."""
    return {
        clean_line(name).removeprefix("utm_"): clean_line(value, limit=2000)
        for name, value in told.items()
    }
