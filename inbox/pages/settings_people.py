"""Colleagues: who works here, in which role and teams, what they see, who is here. A new one gets a one-time password,
shown once.

Who manages whom is `inbox.pages.people_rights`. Who is disabled is out at once, their open pages too; what they had in
hand goes to a colleague or back to the teams' queues, as the form says.
"""

from collections.abc import Sequence
from typing import Any, Final, cast, get_args
from uuid import UUID

from aiohttp import web

from inbox.desk import Presence, Refused
from inbox.pages.people_rights import (
    allow_role,
    managed_colleague,
    manages,
    may_staff,
    most_sight,
    own_teams_of,
    role_written,
    roles_to_give,
    sight_written,
    sights_to_give,
)
from inbox.pages.people_teams import change_teams, put_in_teams
from inbox.pages.profile import extension_written
from inbox.passwords import hash_password, one_time_password
from inbox.rights import Right
from inbox.uuids import required_uuid
from inbox.visit import Page, Visit, get, own_address, post
from storage.audit import difference
from storage.colleagues import (
    ANSWERING,
    BadEmail,
    EmailTaken,
    ExtensionTaken,
    LastAdministrator,
    change_user,
    create_user,
    disable_user,
    enable_user,
    tell_pages,
)
from storage.engine import transaction
from storage.profile import set_name, set_password
from storage.reading.colleagues import list_teams, list_users
from storage.reading.paging import BadCursor
from storage.reading.sight import LIMITED_ROLES
from storage.reading.staff import (
    Mate,
    conversations_in_hand,
    count_disabled,
    list_staff,
    mate_by_id,
)
from storage.sessions import end_sessions_of

LONGEST_NAME: Final = 120
MOST_CAPACITY: Final = 10_000
HANDED_AT_ONCE: Final = 500
"""Conversations in one request; each is a decision of its own. What remains is handed on by another press."""
SEARCHED_FROM: Final = 12
"""Colleagues; fewer are seen at a glance."""


async def people(visit: Visit) -> web.Response:
    return await _shown(visit)


async def add(visit: Visit) -> web.Response:
    role = role_written(visit)
    allow_role(visit, before="manager", after=role)
    sees = sight_written(visit) if "sees" in visit.form else most_sight(visit)
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
            await change_user(connection, made, sees=sees)
            after = {"email": email, "role": role, "sees": sees}
            after |= await put_in_teams(visit, connection, made, role)
            await visit.note_in_audit(connection, "colleague_added", "user", made, after=after)
    except BadEmail as error:
        raise Refused(visit._("That is not an email address.")) from error
    except EmailTaken as error:
        raise Refused(visit._("There is a colleague with this address already.")) from error
    return await _shown(visit, made=(email, password))


async def person(visit: Visit) -> web.Response:
    return await _one(visit)


async def change(visit: Visit) -> web.Response:
    """What the form that was sent names; `teams` says that its boxes are all there are."""
    who = await managed_colleague(visit)
    if "presence" in visit.form and visit.form["presence"] != who.presence:
        presence = visit.form["presence"]
        if presence not in get_args(Presence):
            raise web.HTTPBadRequest
        await visit.around.desk.set_presence(who.id, cast("Presence", presence), by=visit.me)
    changes = _changes(visit, who)
    before = {name: getattr(who, name) for name in changes}
    old, new = difference(before, changes)
    try:
        async with transaction(visit.around.engine) as connection:
            if "name" in new:
                await set_name(connection, who.id, new["name"])
            await change_user(
                connection, who.id, **{name: each for name, each in new.items() if name != "name"}
            )
            if "teams" in visit.form:
                was, now = await change_teams(visit, connection, who)
                old, new = {**old, **was}, {**new, **now}
            if new:
                await visit.note_in_audit(
                    connection, "colleague_changed", "user", who.id, before=old, after=new
                )
                await tell_pages(connection, who.id, now=visit.now)
    except LastAdministrator as error:
        raise Refused(_last(visit)) from error
    except ExtensionTaken as error:
        raise Refused(visit._("Another colleague has this extension.")) from error
    return visit.back(own_address(visit.form.get("to", ""), otherwise=_address(who)))


def _changes(visit: Visit, who: Mate) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    form = visit.form
    if "name" in form:
        changes["name"] = " ".join(form["name"].split())[:LONGEST_NAME]
    if "role" in form:
        changes["role"] = role_written(visit)
        allow_role(visit, before=who.role, after=changes["role"])
    if "sees" in form and form["sees"] != who.sees:
        changes["sees"] = sight_written(visit)
    if "capacity" in form:
        written = form["capacity"].strip()
        if written and not (written.isdecimal() and 0 < int(written) <= MOST_CAPACITY):
            raise Refused(visit._("Write a number of conversations, or nothing for no limit."))
        changes["capacity"] = int(written) if written else None
    if "extension" in form:
        changes["extension"] = extension_written(visit)
    if not changes and "presence" not in form and "teams" not in form:
        raise web.HTTPBadRequest
    return changes


async def disable(visit: Visit) -> web.Response:
    who = await managed_colleague(visit)
    if who.id == visit.me:
        raise Refused(visit._("You cannot disable yourself."))
    heir = await _heir(visit, who)
    try:
        async with transaction(visit.around.engine) as connection:
            await disable_user(connection, who.id, now=visit.now)
            await visit.note_in_audit(
                connection,
                "colleague_disabled",
                "user",
                who.id,
                before={"disabled": False},
                after={"disabled": True, "manager": heir},
            )
    except LastAdministrator as error:
        raise Refused(_last(visit)) from error
    # Disabled first, so that the queue does not give them back.
    left = await _hand_on(visit, who, heir)
    return visit.back(_address(who) if left else "/settings/people")


async def hand_over(visit: Visit) -> web.Response:
    """What somebody has in hand, also of one who is disabled already."""
    who = await managed_colleague(visit)
    heir = await _heir(visit, who)
    await _hand_on(visit, who, heir)
    return visit.back(_address(who))


async def enable(visit: Visit) -> web.Response:
    who = await managed_colleague(visit)
    async with transaction(visit.around.engine) as connection:
        await enable_user(connection, who.id)
        await visit.note_in_audit(
            connection,
            "colleague_enabled",
            "user",
            who.id,
            before={"disabled": True},
            after={"disabled": False},
        )
    return visit.back(_address(who))


async def reset_password(visit: Visit) -> web.Response:
    """A new one-time password; whoever is signed in as them is out."""
    who = await managed_colleague(visit)
    password = one_time_password()
    hashed = await hash_password(password)
    async with transaction(visit.around.engine) as connection:
        await set_password(connection, who.id, hashed=hashed, must_change=True)
        await end_sessions_of(connection, who.id)
        await tell_pages(connection, who.id, now=visit.now)
        await visit.note_in_audit(connection, "password_reset", "user", who.id)
    return await _one(visit, made=(who.email, password))


async def sign_out(visit: Visit) -> web.Response:
    """Everywhere, at once."""
    who = await managed_colleague(visit)
    async with transaction(visit.around.engine) as connection:
        await end_sessions_of(connection, who.id)
        await tell_pages(connection, who.id, now=visit.now)
        await visit.note_in_audit(connection, "signed_out_everywhere", "user", who.id)
    return visit.back(_address(who))


# What is shown.


async def _shown(visit: Visit, *, made: tuple[str, str] | None = None) -> web.Response:
    query = visit.request.query
    q, gone = query.get("q", "").strip()[:100], query.get("who") == "gone"
    async with visit.around.engine.connect() as connection:
        try:
            page = await list_staff(
                connection, now=visit.now, q=q, gone=gone, cursor=query.get("cursor", "")
            )
        except BadCursor as error:
            raise web.HTTPNotFound from error
        teams = await list_teams(connection)
        disabled = await count_disabled(connection)
    mine = own_teams_of(visit, teams)
    return visit.page(
        "settings/people.html",
        page=page,
        q=q,
        gone=gone,
        disabled=disabled,
        searched=bool(q) or gone or len(page.items) >= SEARCHED_FROM,
        roles=roles_to_give(visit),
        sights=sights_to_give(visit),
        sees_most=most_sight(visit),
        teams=[each for each in teams if may_staff(visit, each.id, mine)],
        default_teams={each.id for each in teams if each.is_default},
        manages=lambda mate: manages(visit, mate, mine),
        made=made,
    )


async def _one(visit: Visit, *, made: tuple[str, str] | None = None) -> web.Response:
    who = await managed_colleague(visit)
    async with visit.around.engine.connect() as connection:
        teams = await list_teams(connection)
        in_hand = await conversations_in_hand(connection, who.id, limit=HANDED_AT_ONCE + 1)
        heirs = [
            each
            for each in await list_users(connection)
            if each.disabled_at is None and each.role in {*ANSWERING, "admin"} and each.id != who.id
        ]
    mine = own_teams_of(visit, teams)
    sights = sights_to_give(visit)
    return visit.page(
        "settings/person.html",
        who=who,
        teams=teams,
        may_staff=lambda team: may_staff(visit, team.id, mine),
        roles=roles_to_give(visit),
        sights=sights if who.sees in sights else (*sights, who.sees),
        limited_roles=LIMITED_ROLES,
        heirs=heirs,
        in_hand=len(in_hand),
        most=HANDED_AT_ONCE,
        made=made,
        done="done" in visit.request.query,
    )


def _last(visit: Visit) -> str:
    return visit._("This is the only administrator. Make somebody else one first.")


def _address(who: Mate) -> str:
    return f"/settings/people/{who.id}?done"


# Handing on.


async def _heir(visit: Visit, who: Mate) -> UUID | None:
    """The colleague the form names; None: back to the queues of their teams."""
    given = visit.form.get("heir", "")
    if not given or given == "queue":
        return None
    heir = required_uuid(given)
    async with visit.around.engine.connect() as connection:
        mate = await mate_by_id(connection, heir, now=visit.now)
    if mate is None or mate.disabled_at is not None or mate.role == "marketer" or heir == who.id:
        raise Refused(visit._("Choose somebody who answers conversations and is not disabled."))
    return heir


async def _hand_on(visit: Visit, who: Mate, heir: UUID | None) -> int:
    """How many are left over. One that somebody else has just taken, or closed, is theirs."""
    async with visit.around.engine.connect() as connection:
        ids = await conversations_in_hand(connection, who.id, limit=HANDED_AT_ONCE)
    for each in ids:
        await visit.around.desk.assign(each, by=visit.me, manager=heir)
    async with visit.around.engine.connect() as connection:
        return len(await conversations_in_hand(connection, who.id, limit=1))


PAGES: Final[Sequence[Page]] = (
    get("/settings/people", people, Right.MANAGE_PEOPLE),
    post("/settings/people", add, Right.MANAGE_PEOPLE),
    get("/settings/people/{id}", person, Right.MANAGE_PEOPLE),
    post("/settings/people/{id}", change, Right.MANAGE_PEOPLE),
    post("/settings/people/{id}/disable", disable, Right.MANAGE_PEOPLE),
    post("/settings/people/{id}/hand-over", hand_over, Right.MANAGE_PEOPLE),
    post("/settings/people/{id}/enable", enable, Right.MANAGE_PEOPLE),
    post("/settings/people/{id}/password", reset_password, Right.MANAGE_PEOPLE),
    post("/settings/people/{id}/sign-out", sign_out, Right.MANAGE_PEOPLE),
)
