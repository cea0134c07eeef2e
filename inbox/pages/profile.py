"""What people set for themselves: name, presence, language, colours, password."""

import re
from collections.abc import Sequence
from typing import Final, cast

from aiohttp import web

from inbox import passwords, sessions
from inbox.desk import Presence, Refused
from inbox.languages import NAMES
from inbox.pages.notices import kinds_for
from inbox.rendering import word
from inbox.rights import Right, home
from inbox.visit import (
    FIRST_PASSWORD,
    KEYS_COOKIE,
    LANGUAGE_COOKIE,
    Page,
    Undo,
    Visit,
    chosen_language,
    get,
    own_address,
    post,
)
from router.clean_text import clean_text
from storage.audit import write_audit
from storage.colleagues import ExtensionTaken, change_user, tell_pages
from storage.engine import transaction
from storage.notice_wishes import load_people
from storage.profile import (
    extension_of,
    send_key_of,
    set_language,
    set_name,
    set_password,
    set_send_key,
    set_signature,
    set_theme,
    signature_of,
)
from storage.push import public_push_key, subscriptions_of
from storage.sessions import credentials_of, end_sessions_of

LONGEST_NAME: Final = 120
LONGEST_SIGNATURE: Final = 1000
PRESENCES: Final = ("here", "away", "off")
_EXTENSION: Final = re.compile(r"(?:[+A-Za-z0-9][A-Za-z0-9._@:+-]{0,63})?")
"""Of some exchanges it is a login, the name of a SIP account, or a colleague's own telephone."""
ZONES: Final = (
    "Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk", "Asia/Novosibirsk",
    "Asia/Krasnoyarsk", "Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok", "Asia/Magadan", "Asia/Kamchatka",
    "Europe/Minsk", "Asia/Almaty", "Asia/Tashkent", "Asia/Tbilisi", "Asia/Yerevan", "Asia/Baku", "Europe/Belgrade",
    "Europe/Berlin", "Europe/London", "Asia/Dubai", "Asia/Bangkok", "UTC",
)  # fmt: skip
"""Offered; any other there is may be written."""
THEMES: Final = ("", "light", "dark")
SEND_KEYS: Final = ("ctrl_enter", "enter")


async def profile(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        signature = await signature_of(connection, visit.me)
        extension = await extension_of(connection, visit.me)
        send_key = await send_key_of(connection, visit.me)
        person = (await load_people(connection, only=visit.me))[visit.me]
        browsers = await subscriptions_of(connection, visit.me)
        push_key = await public_push_key(connection)
    return visit.page(
        "profile.html",
        languages=NAMES,
        signature=signature,
        longest_signature=LONGEST_SIGNATURE,
        extension=extension,
        send_key=send_key,
        person=person,
        kinds=kinds_for(visit),
        browsers=browsers,
        push_key=push_key,
        zones=ZONES,
        zone=visit.time_zone,
        done="done" in visit.request.query,
    )


async def change_name(visit: Visit) -> web.Response:
    name = " ".join(visit.form.get("name", "").split())[:LONGEST_NAME]
    async with transaction(visit.around.engine) as connection:
        await set_name(connection, visit.me, name)
    return visit.back("/profile?done")


async def change_signature(visit: Visit) -> web.Response:
    signature = clean_text(visit.form.get("signature", ""), limit=LONGEST_SIGNATURE).strip()
    async with transaction(visit.around.engine) as connection:
        await set_signature(connection, visit.me, signature.replace("\r\n", "\n"))
    return visit.back("/profile?done")


async def change_send_key(visit: Visit) -> web.Response:
    send_key = visit.form.get("send_key", "")
    if send_key not in SEND_KEYS:
        raise web.HTTPBadRequest
    async with transaction(visit.around.engine) as connection:
        await set_send_key(connection, visit.me, send_key)
    return visit.back("/profile?done")


async def change_extension(visit: Visit) -> web.Response:
    extension = extension_written(visit)
    try:
        async with transaction(visit.around.engine) as connection:
            await change_user(connection, visit.me, extension=extension)
    except ExtensionTaken as error:
        raise Refused(visit._("Another colleague has this extension.")) from error
    return visit.back("/profile?done")


def extension_written(visit: Visit) -> str:
    """The posted extension. Raises Refused for what no exchange has."""
    written = visit.form.get("extension", "").strip()
    if not _EXTENSION.fullmatch(written):
        raise Refused(visit._("An extension is digits, perhaps with letters, dots or dashes."))
    return written


async def change_language(visit: Visit) -> web.Response:
    code = chosen_language(visit.form.get("language", ""))
    async with transaction(visit.around.engine) as connection:
        await set_language(connection, visit.me, code)
    response = visit.back(own_address(visit.form.get("to", ""), otherwise="/profile"))
    # Also for the sign-in page, where nobody is known yet.
    response.set_cookie(
        LANGUAGE_COOKIE, code, max_age=31536000, path="/", samesite="Lax", httponly=True
    )
    return response


async def change_theme(visit: Visit) -> web.Response:
    theme = visit.form.get("theme", "")
    if theme not in THEMES:
        raise web.HTTPBadRequest
    async with transaction(visit.around.engine) as connection:
        await set_theme(connection, visit.me, theme)
    return visit.back(own_address(visit.form.get("to", ""), otherwise="/profile"))


async def change_keys(visit: Visit) -> web.Response:
    """Keys without Ctrl are in the way of whoever speaks to their computer (WCAG 2.1.4). Of this browser."""
    kept = "off" if visit.form.get("keys") == "off" else "on"
    response = visit.back("/profile?done")
    response.set_cookie(
        KEYS_COOKIE, kept, max_age=31536000, path="/", samesite="Lax", httponly=True
    )
    return response


async def change_presence(visit: Visit) -> web.Response:
    presence = visit.form.get("presence", "")
    if presence not in PRESENCES:
        raise web.HTTPBadRequest
    await visit.around.desk.set_presence(visit.me, cast("Presence", presence), by=visit.me)
    return visit.done(
        own_address(visit.form.get("to", ""), otherwise="/profile"),
        said=visit._("You are: {presence}").format(
            presence=word(visit.language, "presence", presence)
        ),
        undo=Undo(action="/profile/presence", fields={"presence": visit.colleague.presence}),
    )


async def password(visit: Visit) -> web.Response:
    return visit.page("password.html", wrong="")


async def change_password(visit: Visit) -> web.Response:
    """Ends all the person's sessions and begins a new one: whoever else was in is out."""
    new, again = visit.form.get("new", ""), visit.form.get("again", "")
    async with visit.around.engine.connect() as connection:
        known = await credentials_of(connection, visit.colleague.email)
    wrong = ""
    if known is None or not await passwords.password_matches(
        known.password, visit.form.get("password", "")
    ):
        wrong = visit._("The present password is not right.")
    elif len(new) < passwords.SHORTEST:
        wrong = visit._(
            "At least {n} characters, please: a few words are easy to remember."
        ).format(n=passwords.SHORTEST)
    elif len(new) > passwords.LONGEST:
        wrong = visit._("That is too long.")
    elif new != again:
        wrong = visit._("The two new passwords differ.")
    elif new == visit.form.get("password", ""):
        wrong = visit._("That is the password you have already.")
    if wrong:
        return visit.page("password.html", status=422, wrong=wrong)
    hashed = await passwords.hash_password(new)
    async with transaction(visit.around.engine) as connection:
        await set_password(connection, visit.me, hashed=hashed, must_change=False)
        await end_sessions_of(connection, visit.me)
        await write_audit(
            connection,
            by=visit.me,
            what="password_changed",
            object_kind="user",
            object_id=visit.me,
            now=visit.now,
        )
        await tell_pages(connection, visit.me, now=visit.now)
    response = web.Response(status=303, headers={"Location": home(visit.colleague.role)})
    await sessions.begin(visit.around, visit.request, response, user_id=visit.me, now=visit.now)
    return response


PAGES: Final[Sequence[Page]] = (
    get("/profile", profile, Right.SIGNED_IN),
    post("/profile", change_name, Right.SIGNED_IN),
    post("/profile/signature", change_signature, Right.SIGNED_IN),
    post("/profile/send-key", change_send_key, Right.SIGNED_IN),
    post("/profile/extension", change_extension, Right.SIGNED_IN),
    post("/profile/language", change_language, Right.SIGNED_IN),
    post("/profile/theme", change_theme, Right.SIGNED_IN),
    post("/profile/keys", change_keys, Right.SIGNED_IN),
    post("/profile/presence", change_presence, Right.SIGNED_IN),
    get(FIRST_PASSWORD, password, Right.SIGNED_IN),
    post(FIRST_PASSWORD, change_password, Right.SIGNED_IN),
)
