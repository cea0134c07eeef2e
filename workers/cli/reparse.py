"""`allo reparse`: read again what came, after a parser was mended."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import click
import msgspec
from typing_extensions import override

from storage.accounts import load_accounts
from storage.media import open_media
from storage.sealing import Sealer
from workers.account_book import as_account
from workers.account_fields import connector_of
from workers.cli.failures import Failed
from workers.cli.installation import Installation, in_records
from workers.cli.printing import print_json
from workers.reparse import Counts, Reparser

_AGO: Final = re.compile(r"(\d{1,6})([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
LINE_EVERY: Final = 5000
"""Events."""


class Since(click.ParamType[timedelta | datetime]):
    """`3d`, or a date, or a moment; without a zone it is of the installation's."""

    name = "TIME"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | datetime:
        written = str(value).strip()
        if ago := _AGO.fullmatch(written):
            return timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            return datetime.fromisoformat(written)
        except ValueError:
            self.fail(f"{written!r} is none: write 2026-11-20, 2026-11-20T09:30 or 3d (m, h, d, w)")


@click.command()
@click.option("--channel", "kind", metavar="KIND", required=True, help="telegram, email…")
@click.option(
    "--since", type=Since(), required=True, help="2026-11-20, 2026-11-20T09:30, or 3d ago."
)
@click.option("--dry-run", is_flag=True, help="Only count what would change.")
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def reparse(*, kind: str, since: timedelta | datetime, dry_run: bool, as_json: bool) -> None:
    """Read again what a channel sent, after its parser was mended.

    Stored messages that say something else now are corrected, what was not understood as a message is routed as new.
    Doing it twice does nothing; what was edited or deleted since stays as it is. Raw payloads are kept for a time only:
    what is older stays as it was read.
    """
    connector = connector_of(kind)
    if connector.reread is None:
        raise Failed(
            f"{connector.label} needs no reading again: its events come from pages of our own, and no raw payloads are kept."
        )
    reread = connector.reread

    async def story(here: Installation) -> Counts:
        async with here.engine.connect() as connection:
            rows = await load_accounts(connection, Sealer(here.settings.secret))
        accounts = {
            row.id: as_account(row, connector, here.settings.secret)
            for row in rows
            if row.kind == kind
        }
        if not accounts:
            raise Failed(f"There is no {kind} account. `allo channel list` shows which there are.")
        begin = _moment(since, now=here.now(), zone=ZoneInfo(here.settings.time_zone))
        async with here.broker() as broker:
            reparser = Reparser(
                engine=here.engine,
                broker=broker,
                media=open_media(here.settings.media_location),
                reread=reread,
                accounts=accounts,
                now=here.now,
            )
            return await reparser.run(since=begin, dry_run=dry_run, progress=progress)

    progress = _Progress(quiet=as_json)
    try:
        counts = in_records(story)
    except BaseException:  # rises, from under a line of its own
        progress.stopped()
        raise
    if as_json:
        print_json({"dry_run": dry_run, **msgspec.to_builtins(counts)})
    else:
        _tell(counts, dry_run=dry_run)


def _moment(since: timedelta | datetime, *, now: datetime, zone: ZoneInfo) -> datetime:
    if isinstance(since, timedelta):
        return now - since
    return (since if since.tzinfo else since.replace(tzinfo=zone)).astimezone(UTC)


class _Progress:
    """A line on standard error every few thousand events, and from where to go on when it is stopped."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._until: datetime | None = None
        self._next = LINE_EVERY

    def __call__(self, until: datetime, counts: Counts) -> None:
        self._until = until
        if not self._quiet and counts.read >= self._next:
            self._next = counts.read + LINE_EVERY
            found = counts.corrected + counts.again + counts.new
            click.echo(f"{until:%Y-%m-%d %H:%M} UTC: {counts.read} read, {found} to mend", err=True)

    def stopped(self) -> None:
        if self._until is not None:
            click.echo(
                f"It is done up to here; go on with --since {self._until.isoformat()}", err=True
            )


def _tell(counts: Counts, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    for count, what in (
        (counts.read, "events read again"),
        (counts.unchanged, "say what they said"),
        (counts.corrected, f"messages {would}corrected"),
        (
            counts.again,
            f"events {would}routed again: they are something else than they were taken for",
        ),
        (counts.new, f"events {would}routed that nobody knew of"),
        (counts.left, "differ and stay: edited or deleted since, or not to be told apart"),
        (counts.unreadable, "still cannot be read"),
        (counts.gone, "have no raw payload any more"),
    ):
        if count or what == "events read again":
            click.echo(f"{count:8}  {what}")
    if (counts.again or counts.new) and not dry_run:
        click.echo("What is routed shows as soon as `allo serve` has handled it.")
