"""`allo dead …`: what could not be processed."""

from uuid import UUID

import click

from inbox.desk import NotFound
from storage.dead_letters import (
    DeadLetter,
    OpenedLetter,
    count_open_letters,
    find_letter,
    open_letters,
)
from workers.cli.failures import Failed
from workers.cli.installation import Installation, in_records
from workers.cli.printing import print_json, print_table
from workers.dead_letter_desk import DeadLetters

BODY_SHOWN = 64 << 10
"""Bytes."""


@click.group()
def dead() -> None:
    """What could not be processed: see why, put it back, or close it."""


@dead.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def list_(*, limit: int, as_json: bool) -> None:
    """The open ones, oldest first."""

    async def story(here: Installation) -> tuple[tuple[DeadLetter, ...], int]:
        async with here.engine.connect() as connection:
            return await open_letters(connection, limit=limit), await count_open_letters(connection)

    letters, count = in_records(story)
    if as_json:
        print_json({"items": letters, "count": count})
        return
    if not letters:
        click.echo("There are no dead letters.")
        return
    print_table(
        ("ID", "SINCE", "STAGE", "ACCOUNT", "TIMES", "REASON"),
        [
            (each.id, f"{each.first_seen:%Y-%m-%d %H:%M}", each.stage, each.account, each.attempts, each.reason)
            for each in letters
        ],
    )  # fmt: skip
    if count > len(letters):
        click.echo(f"… and {count - len(letters)} more (--limit)")


@dead.command()
@click.argument("letter", metavar="ID", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def show(*, letter: UUID, as_json: bool) -> None:
    """One with its reason, where it failed, and its contents."""

    async def story(here: Installation) -> OpenedLetter | None:
        async with here.engine.connect() as connection:
            return await find_letter(connection, letter)

    found = in_records(story)
    if found is None:
        raise NotFound(f"There is no dead letter {letter}")
    body = found.body[:BODY_SHOWN].decode(errors="backslashreplace")
    if as_json:
        print_json({"letter": found.letter, "traceback": found.traceback, "body": body})
        return
    head = found.letter
    state = "open"
    if closed := head.replayed_at or head.dropped_at:
        state = f"{'replayed' if head.replayed_at else 'dropped'} {closed:%Y-%m-%d %H:%M} by {head.closed_by}"
    for name, value in (
        ("id", head.id),
        ("state", state),
        ("stage", head.stage),
        ("queue", head.queue),
        ("account", f"{head.account} {head.channel}".strip()),
        ("event", head.event_id or ""),
        ("first", f"{head.first_seen:%Y-%m-%d %H:%M:%S} UTC"),
        ("last", f"{head.last_seen:%Y-%m-%d %H:%M:%S} UTC, {head.attempts} attempts"),
        ("reason", head.reason),
    ):
        click.echo(f"{name:8} {value}")
    if found.traceback:
        click.echo(f"\n{found.traceback.rstrip()}")
    click.echo(f"\n{body}")


@dead.command()
@click.argument("letters", metavar="ID…", type=click.UUID, nargs=-1)
@click.option("--all", "all_of_them", is_flag=True, help="Every open one.")
def replay(*, letters: tuple[UUID, ...], all_of_them: bool) -> None:
    """Put letters back where they failed."""
    if bool(letters) == all_of_them:
        raise click.UsageError("Name the letters, or give --all.")

    async def story(here: Installation) -> int:
        async with here.broker() as broker:
            desk = DeadLetters(engine=here.engine, broker=broker, now=here.now)
            if all_of_them:
                return await desk.replay_all(by=None)
            for letter in letters:
                await desk.replay(letter, by=None)
            return len(letters)

    click.echo(f"Put back: {in_records(story)}.")


@dead.command()
@click.argument("letters", metavar="ID…", type=click.UUID, nargs=-1, required=True)
def drop(*, letters: tuple[UUID, ...]) -> None:
    """Close letters without processing them."""

    async def story(here: Installation) -> None:
        missing = []
        async with here.broker() as broker:
            desk = DeadLetters(engine=here.engine, broker=broker, now=here.now)
            for letter in letters:
                try:
                    await desk.drop(letter, by=None)
                except NotFound:
                    missing.append(str(letter))
        if missing:
            raise Failed(f"There is no open dead letter {', '.join(missing)}")

    in_records(story)
    click.echo(f"Dropped: {len(letters)}.")
