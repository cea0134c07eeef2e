"""Colleagues: who works here, in which role, who is here. A new one gets a one-time password, shown once."""

from collections.abc import Sequence
from typing import Final, cast, get_args
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.desk import NotFound, Presence, Refused
from inbox.pages.profile import extension_written
from inbox.passwords import hash_password, one_time_password
from inbox.rights import Right, may_change_role
from inbox.visit import Page, Visit, get, own_address, post
from storage.audit import write_audit
from storage.colleagues import (
    BadEmail,
    EmailTaken,
    ExtensionTaken,
    LastAdministrator,
    Role,
    change_user,
    create_user,
    disable_user,
    enable_user,
)
from storage.engine import transaction
from storage.profile import set_password
from storage.reading.colleagues import UserRow, list_teams, list_users
from storage.sessions import end_sessions_of

ROLES: Final[tuple[Role, ...]] = get_args(Role)
LONGEST_NAME: Final = 120
MOST_CAPACITY: Final = 10_000


async def people(visit: Visit) -> web.Response:
    return await _shown(visit)


async def add(visit: Visit) -> web.Response:
    role = _role(visit)
    _allowed(visit, before="manager", after=role)
    password = one_time_password()
    hashed = await hash_password(password)
    email = visit.form.get("email", "").strip()[:254]
    try:
        async with transaction(visit.around.engine) as connection:
            made = await create_user(
                connection,
                email=email,
                name=" ".join(visit.form.get("name", "").split())[:LONGEST_NAME],
                role=role,
                password=hashed,
                must_change_password=True,
                now=visit.now,
            )
            await _audit(visit, connection, "colleague_added", made, {"email": email, "role": role})
    except BadEmail as error:
        raise Refused(visit._("That is not an email address.")) from error
    except EmailTaken as error:
        raise Refused(visit._("There is a colleague with this address already.")) from error
    return await _shown(visit, made=(email, password))


async def change(visit: Visit) -> web.Response:
    """Role, capacity, extension or presence, as the form that was sent names it."""
    async with visit.around.engine.connect() as connection:
        who = await _colleague(visit, connection)
    _allowed(visit, before=who.role, after=who.role)
    if "presence" in visit.form:
        presence = visit.form["presence"]
        if presence not in get_args(Presence):
            raise web.HTTPBadRequest
        await visit.around.desk.set_presence(who.id, cast("Presence", presence), by=visit.me)
        return visit.back(_back(visit))
    changes: dict[str, object] = {}
    if "role" in visit.form:
        role = _role(visit)
        _allowed(visit, before=who.role, after=role)
        changes["role"] = role
    if "capacity" in visit.form:
        written = visit.form["capacity"].strip()
        if written and not (written.isdecimal() and 0 < int(written) <= MOST_CAPACITY):
            raise Refused(visit._("Write a number of conversations, or nothing for no limit."))
        changes["capacity"] = int(written) if written else None
    if "extension" in visit.form:
        changes["extension"] = extension_written(visit)
    if not changes:
        raise web.HTTPBadRequest
    try:
        async with transaction(visit.around.engine) as connection:
            await change_user(connection, who.id, **changes)
            await _audit(visit, connection, "colleague_changed", who.id, changes)
    except LastAdministrator as error:
        raise Refused(_last(visit)) from error
    except ExtensionTaken as error:
        raise Refused(visit._("Another colleague has this extension.")) from error
    return visit.back(_back(visit))


async def disable(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        who = await _colleague(visit, connection)
    _allowed(visit, before=who.role, after=who.role)
    if who.id == visit.me:
        raise Refused(visit._("You cannot disable yourself."))
    try:
        async with transaction(visit.around.engine) as connection:
            await disable_user(connection, who.id, now=visit.now)
            await _audit(visit, connection, "colleague_disabled", who.id, {})
    except LastAdministrator as error:
        raise Refused(_last(visit)) from error
    return visit.back("/settings/people")


async def enable(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        who = await _colleague(visit, connection)
    _allowed(visit, before=who.role, after=who.role)
    async with transaction(visit.around.engine) as connection:
        await enable_user(connection, who.id)
        await _audit(visit, connection, "colleague_enabled", who.id, {})
    return visit.back("/settings/people")


async def reset_password(visit: Visit) -> web.Response:
    """A new one-time password; whoever is signed in as them is out."""
    async with visit.around.engine.connect() as connection:
        who = await _colleague(visit, connection)
    _allowed(visit, before=who.role, after=who.role)
    password = one_time_password()
    hashed = await hash_password(password)
    async with transaction(visit.around.engine) as connection:
        await set_password(connection, who.id, hashed=hashed, must_change=True)
        await end_sessions_of(connection, who.id)
        await _audit(visit, connection, "password_reset", who.id, {})
    return await _shown(visit, made=(who.email, password))


async def _shown(visit: Visit, *, made: tuple[str, str] | None = None) -> web.Response:
    async with visit.around.engine.connect() as connection:
        users = await list_users(connection)
        teams = await list_teams(connection)
    return visit.page(
        "settings/people.html",
        users=sorted(users, key=lambda each: each.disabled_at is not None),
        teams_of={
            each.id: [team.name for team in teams if each.id in team.member_ids] for each in users
        },
        roles=[
            role
            for role in ROLES
            if may_change_role(visit.colleague.role, before="manager", after=role)
        ],
        may_change=lambda user: may_change_role(
            visit.colleague.role, before=user.role, after=user.role
        ),
        made=made,
    )


async def _colleague(visit: Visit, connection: AsyncConnection) -> UserRow:
    for each in await list_users(connection):
        if each.id == visit.id():
            return each
    raise NotFound


def _back(visit: Visit) -> str:
    return own_address(visit.form.get("to", ""), otherwise="/settings/people")


def _role(visit: Visit) -> Role:
    role = visit.form.get("role", "")
    if role not in ROLES:
        raise web.HTTPBadRequest
    return role


def _allowed(visit: Visit, *, before: str, after: str) -> None:
    if not may_change_role(visit.colleague.role, before=before, after=after):
        raise web.HTTPForbidden


def _last(visit: Visit) -> str:
    return visit._("This is the only administrator. Make somebody else one first.")


async def _audit(
    visit: Visit, connection: AsyncConnection, what: str, who: UUID, after: dict[str, object]
) -> None:
    await write_audit(
        connection,
        by=visit.me,
        what=what,
        object_kind="user",
        object_id=who,
        now=visit.now,
        after=after,
    )


PAGES: Final[Sequence[Page]] = (
    get("/settings/people", people, Right.MANAGE_PEOPLE),
    post("/settings/people", add, Right.MANAGE_PEOPLE),
    post("/settings/people/{id}", change, Right.MANAGE_PEOPLE),
    post("/settings/people/{id}/disable", disable, Right.MANAGE_PEOPLE),
    post("/settings/people/{id}/enable", enable, Right.MANAGE_PEOPLE),
    post("/settings/people/{id}/password", reset_password, Right.MANAGE_PEOPLE),
)
