"""`allo user …`: colleagues."""

import sys
from typing import get_args

import click

from inbox.passwords import LONGEST, SHORTEST, hash_password, one_time_password
from storage.audit import write_audit
from storage.colleagues import (
    Colleague,
    Role,
    change_user,
    colleague_by_email,
    create_user,
    disable_user,
    enable_user,
    list_colleagues,
    tell_pages,
)
from storage.engine import transaction
from storage.reading.sight import SEES
from workers.cli.failures import Failed
from workers.cli.installation import Installation, in_records
from workers.cli.printing import print_json, print_table

ROLES: tuple[Role, ...] = get_args(Role)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="For a program to read.")
PAGE = 500


@click.group()
def user() -> None:
    """Colleagues: who may sign in, and as what."""


@user.command()
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--name", default="", help="As customers and colleagues see it.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from standard input. Otherwise a one-time password is made and shown.",
)
@click.option(
    "--sees",
    type=click.Choice(SEES),
    default="all",
    show_default=True,
    help="Which conversations, people and leads: all, those of the team and what nobody has, or only one's own.",
)
@AS_JSON
def add(  # one per option
    *, email: str, role: Role, name: str, password_stdin: bool, sees: str, as_json: bool
) -> None:
    """Add a colleague who signs in with EMAIL."""
    password = _password_from_stdin() if password_stdin else one_time_password()

    async def story(here: Installation) -> None:
        hashed = await hash_password(password)
        async with transaction(here.engine) as connection:
            added = await create_user(
                connection,
                email=email,
                role=role,
                name=name,
                password=hashed,
                must_change_password=not password_stdin,
                now=here.now(),
            )
            if sees != "all":
                await change_user(connection, added, sees=sees)
            await write_audit(
                connection,
                by=None,
                what="user_added",
                object_kind="user",
                object_id=added,
                now=here.now(),
                after={"email": email, "role": role, "sees": sees},
            )

    in_records(story)
    shown = {} if password_stdin else {"password": password}
    if as_json:
        print_json({"email": email, "role": role, "sees": sees} | shown)
        return
    click.echo(f"Added: {email} ({role}).")
    if shown:
        click.echo(f"One-time password: {password}")


@user.command("list")
@AS_JSON
def list_(*, as_json: bool) -> None:
    """Everybody, those who left too."""

    async def story(here: Installation) -> list[Colleague]:
        everybody: list[Colleague] = []
        cursor: str | None = None
        async with here.engine.connect() as connection:
            while True:
                page = await list_colleagues(connection, cursor=cursor, limit=PAGE)
                everybody += page.items
                cursor = page.next_cursor
                if cursor is None:
                    return everybody

    everybody = in_records(story)
    if as_json:
        print_json({"items": everybody})
        return
    print_table(
        ("EMAIL", "NAME", "ROLE", "SEES", "STATE", "OPEN"),
        [
            (
                each.email,
                each.name,
                each.role,
                each.sees,
                f"disabled {each.disabled_at:%Y-%m-%d}" if each.disabled_at else each.presence,
                each.open_conversations,
            )
            for each in everybody
        ],
    )


@user.command()
@click.argument("email")
@click.option("--sees", type=click.Choice(SEES), required=True)
def change(*, email: str, sees: str) -> None:
    """Let a colleague see more or less, from their next page on."""

    async def story(here: Installation) -> None:
        async with transaction(here.engine) as connection:
            colleague = await colleague_by_email(connection, email)
            if colleague is None:
                raise Failed(f"There is no colleague {email}; `allo user list` shows who there is.")
            await change_user(connection, colleague.id, sees=sees)
            await tell_pages(connection, colleague.id, now=here.now())
            await write_audit(
                connection,
                by=None,
                what="colleague_changed",
                object_kind="user",
                object_id=colleague.id,
                now=here.now(),
                before={"sees": colleague.sees},
                after={"sees": sees},
            )

    in_records(story)
    click.echo(f"Changed: {email} sees {sees}.")


@user.command()
@click.argument("email")
def disable(*, email: str) -> None:
    """Sign a colleague out everywhere, and let them in no more. What they wrote stays."""
    _set_able(email, able=False)
    click.echo(f"Disabled: {email}.")


@user.command()
@click.argument("email")
def enable(*, email: str) -> None:
    """Let a disabled colleague in again."""
    _set_able(email, able=True)
    click.echo(f"Enabled: {email}.")


def _set_able(email: str, *, able: bool) -> None:
    async def story(here: Installation) -> None:
        async with transaction(here.engine) as connection:
            colleague = await colleague_by_email(connection, email)
            if colleague is None:
                raise Failed(f"There is no colleague {email}; `allo user list` shows who there is.")
            if able:
                await enable_user(connection, colleague.id)
            else:
                await disable_user(connection, colleague.id, now=here.now())
            await write_audit(
                connection,
                by=None,
                what="user_enabled" if able else "user_disabled",
                object_kind="user",
                object_id=colleague.id,
                now=here.now(),
            )

    in_records(story)


def _password_from_stdin() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not SHORTEST <= len(password) <= LONGEST:
        raise Failed(
            f"The password has {len(password)} characters; it needs at least {SHORTEST}, at most {LONGEST}."
        )
    return password
