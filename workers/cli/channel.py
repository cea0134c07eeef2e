"""`allo channel …`: the connected here.channels."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import click

from connectors.connector import Finding
from connectors.registry import discover
from inbox.channel_desk import ChannelOptions, options_of
from inbox.desk import Refused
from storage.accounts import AccountRow
from storage.channel_log import LogLine, recent_lines
from storage.teams import team_named
from workers.account_fields import OPTIONS, connector_of, hours
from workers.cli.failures import Failed
from workers.cli.installation import Installation, in_records
from workers.cli.printing import print_json, print_table

AS_JSON = click.option("--json", "as_json", is_flag=True, help="For a program to read.")
SET = click.option(
    "--set",
    "pairs",
    metavar="NAME=VALUE",
    multiple=True,
    help="A field; see `allo channel fields`.",
)
SET_FROM = click.option(
    "--set-from",
    "files",
    metavar="NAME=FILE",
    multiple=True,
    help="A field's value from a file, - for standard input: so that a token stands in no list of processes.",
)
MARKS: Mapping[Literal["ok", "warning", "error"], str] = {
    "ok": "ok     ",
    "warning": "warning",
    "error": "ERROR  ",
}


@click.group()
def channel() -> None:
    """Connected channels: add, look at, try, pause and remove them."""


@channel.command()
@click.argument("kind", required=False)
@AS_JSON
def fields(*, kind: str | None, as_json: bool) -> None:
    """What an account of KIND is made of; without KIND, which kinds there are."""
    if kind is None:
        kinds = [(each.kind, each.label) for each in discover().values()]
        if as_json:
            print_json([{"kind": name, "label": label} for name, label in kinds])
        else:
            print_table(("KIND", "CHANNEL"), kinds)
        return
    connector = connector_of(kind)
    if as_json:
        print_json({"fields": connector.fields, "options": OPTIONS})
        return
    print_table(
        ("NAME", "", "DEFAULT", "MEANING"),
        [
            (
                each.name,
                "required" if each.required else "",
                each.default,
                " ".join(filter(None, (f"{each.label}.", each.help, _choices(each.choices)))),
            )
            for each in connector.fields
        ]
        + [(name, "", "", meaning) for name, meaning in OPTIONS.items()],
    )


@channel.command()
@click.argument("kind")
@click.argument("slug")
@SET
@SET_FROM
@AS_JSON
def add(*, kind: str, slug: str, pairs: Sequence[str], files: Sequence[str], as_json: bool) -> None:
    """Connect a channel of KIND under the name SLUG, which becomes a part of addresses.

    It is saved also when its platform cannot be reached now: `allo channel check` tries again.
    """
    given = _given(pairs, files)

    async def story(here: Installation) -> tuple[str, Sequence[Finding]]:
        fields, options = await _split(here, given, ChannelOptions(language=here.settings.language))
        added = await here.channels.add(kind, slug, fields, options, by=None)
        return here.channels.webhook_url(kind, slug), await here.channels.check(added)

    webhook, findings = in_records(story)
    reached = not any(each.level == "error" for each in findings)
    if as_json:
        print_json({"slug": slug, "webhook": webhook, "works": reached, "findings": findings})
        return
    click.echo(f"Saved: {slug} ({kind}).")
    if webhook:
        click.echo(f"Its webhook is {webhook}")
    _print(findings)
    if not reached:
        click.echo(f"It is saved, and does not work yet. `allo channel check {slug}` tries again.")


@channel.command("set")
@click.argument("slug")
@SET
@SET_FROM
def set_(*, slug: str, pairs: Sequence[str], files: Sequence[str]) -> None:
    """Change fields of an account. What is not named stays; NAME= empties a field."""
    given = _given(pairs, files)
    if not given:
        raise click.UsageError("Say what to change: --set NAME=VALUE.")

    async def story(here: Installation) -> Sequence[Finding]:
        row = await here.channels.find(slug)
        fields, options = await _split(here, given, options_of(row))
        await here.channels.change(row.id, fields, options, by=None)
        return await here.channels.check(row.id)

    findings = in_records(story)
    click.echo(f"Changed: {slug}.")
    _print(findings)


@channel.command("list")
@AS_JSON
def list_(*, as_json: bool) -> None:
    """All channels, with when each last heard from its platform."""

    async def story(here: Installation) -> list[AccountRow]:
        return await here.channels.all()

    rows = in_records(story)
    if as_json:
        print_json({"items": [_told(row) for row in rows]})
        return
    print_table(
        ("SLUG", "KIND", "STATE", "LAST EVENT", "LAST ERROR"),
        [
            (
                row.slug,
                row.kind,
                row.condition,
                f"{row.last_event_at:%Y-%m-%d %H:%M}" if row.last_event_at else "never",
                row.unreadable or row.last_error,
            )
            for row in rows
        ],
    )


@channel.command()
@click.argument("slug")
@AS_JSON
def show(*, slug: str, as_json: bool) -> None:
    """One channel with its fields; secrets are masked."""

    async def story(here: Installation) -> tuple[AccountRow, str]:
        row = await here.channels.find(slug)
        return row, here.channels.webhook_url(row.kind, row.slug)

    row, webhook = in_records(story)
    told = _told(row) | {"webhook": webhook}
    if as_json:
        print_json(told)
        return
    own = told.pop("fields")
    for name, value in [*told.items(), *sorted(own.items())]:
        click.echo(f"{name:16} {'' if value is None else value}".rstrip())


@channel.command()
@click.argument("slug")
@AS_JSON
def check(*, slug: str, as_json: bool) -> None:
    """Try the credentials for real, and tell the platform where to send its events."""

    async def story(here: Installation) -> Sequence[Finding]:
        return await here.channels.check((await here.channels.find(slug)).id)

    findings = in_records(story)
    works = not any(each.level == "error" for each in findings)
    if as_json:
        print_json({"slug": slug, "works": works, "findings": findings})
    else:
        _print(findings)
    if not works:
        raise Failed(f"{slug} does not work.")


@channel.command()
@click.argument("slug")
@click.option("--limit", default=50, show_default=True, help="Lines.")
@AS_JSON
def log(*, slug: str, limit: int, as_json: bool) -> None:
    """What the channel and its platform said to each other lately: refusals, troubles, what was found and arranged."""

    async def story(here: Installation) -> list[LogLine]:
        row = await here.channels.find(slug)
        async with here.engine.connect() as connection:
            return await recent_lines(connection, row.id, limit=limit)

    lines = in_records(story)
    if as_json:
        print_json({"items": lines})
        return
    print_table(
        ("WHEN", "LEVEL", "WHAT", "DETAILS"),
        [(f"{each.at:%Y-%m-%d %H:%M:%S}", each.level, each.what, each.detail) for each in lines],
    )


@channel.command()
@click.argument("slug")
def pause(*, slug: str) -> None:
    """Stop taking and sending on a channel until `allo channel resume`.

    Nothing is lost in a short pause. What comes meanwhile is kept by who brings it (Telegram for a day, WhatsApp for a week,
    mail servers for days, VK for as long as it repeats), or on this machine's disk (web forms, telephony); polling goes on
    where it stopped, and replies wait.
    """
    _set_state(slug, "paused")
    click.echo(f"Paused: {slug}.")


@channel.command()
@click.argument("slug")
def resume(*, slug: str) -> None:
    """Go on with a paused or broken channel."""
    _set_state(slug, "active")
    click.echo(f"Resumed: {slug}.")


@channel.command()
@click.argument("slug")
def remove(*, slug: str) -> None:
    """Forget a channel's credentials and close it; its conversations stay."""
    _set_state(slug, "removed")
    click.echo(f"Removed: {slug}.")


def _set_state(slug: str, state: Literal["active", "paused", "removed"]) -> None:
    async def story(here: Installation) -> None:
        await here.channels.set_state((await here.channels.find(slug)).id, state, by=None)

    in_records(story)


async def _split(
    here: Installation, given: Mapping[str, str], options: ChannelOptions
) -> tuple[dict[str, str], ChannelOptions]:
    """The channel's own fields, and the options that every account has, `options` where nothing is given."""
    options = replace(
        options,
        region=given.get("region", options.region),
        language=given.get("language", options.language),
        lead_policy=given.get("lead_policy", options.lead_policy),
        callback_minutes=_minutes(given, options.callback_minutes),
    )
    if "silent_hours" in given:
        options = replace(options, silent_hours=hours(given["silent_hours"]))
    if "team" in given:
        options = replace(options, team=await _team(here, given["team"]))
    return {name: value for name, value in given.items() if name not in OPTIONS}, options


def _minutes(given: Mapping[str, str], kept: int) -> int:
    written = given.get("callback_minutes")
    if written is None:
        return kept
    return int(written) if written.isdecimal() and len(written) < 9 else 0  # which is refused


async def _team(here: Installation, name: str) -> UUID | None:
    if not name:
        return None
    async with here.engine.connect() as connection:
        found = await team_named(connection, name)
    if found is None:
        raise Refused(f"There is no team {name}.")
    return found


def _given(pairs: Sequence[str], files: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for pair in (*pairs, *files):
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"Write it as NAME=VALUE: {pair!r}")
        if name.strip() in given:
            raise click.UsageError(f"{name.strip()} is given twice.")
        given[name.strip()] = _content(value) if pair in files else value.strip()
    return given


def _content(file: str) -> str:
    if file == "-":
        return sys.stdin.read().strip()
    return Path(file).read_text(encoding="utf-8").strip()


def _told(row: AccountRow) -> dict[str, Any]:
    """Without what nobody may read: of a kind we do not know, that is everything."""
    connector = discover().get(row.kind)
    secrets = connector.secrets if connector else frozenset(row.fields)
    return {
        "slug": row.slug,
        "kind": row.kind,
        "state": row.state,
        "region": row.region,
        "language": row.language,
        "lead_policy": row.lead_policy,
        "silent_hours": row.silent_hours,
        "silent_since": row.silent_since,
        "callback_minutes": row.callback_minutes,
        "last_event_at": row.last_event_at,
        "last_error": row.unreadable or row.last_error,
        "created_at": row.created_at,
        "fields": {name: "***" if name in secrets else value for name, value in row.fields.items()},
    }


def _print(findings: Sequence[Finding]) -> None:
    for each in findings:
        click.echo(f"{MARKS[each.level]}  {each.text}")


def _choices(choices: Sequence[str]) -> str:
    return f"One of {', '.join(each for each in choices if each)}." if choices else ""
