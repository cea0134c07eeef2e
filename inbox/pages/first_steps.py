"""From an empty installation to the first lead won: what is done is read off the records, what is next is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.rights import Right
from inbox.visit import Page, Undo, Visit, get, post
from storage.company import FIRST_STEPS, put, setting
from storage.engine import transaction
from storage.reading.channel_health import newest_conversation
from storage.reading.colleagues import AccountRow, list_accounts
from storage.reading.first_steps import Progress, progress


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStep:
    """`where` is where it is done, "" when there is nowhere to go yet; `command` is to be pasted into a terminal."""

    key: str
    done: bool
    name: str
    words: str = ""
    where: str = ""
    button: str = ""
    elsewhere: bool = False
    """Opens beside: the page here shows what comes of it."""
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSteps:
    steps: Sequence[FirstStep]
    hidden: bool
    """Somebody has had enough of them."""

    @property
    def done(self) -> int:
        return sum(each.done for each in self.steps)

    @property
    def next(self) -> FirstStep | None:
        return next((each for each in self.steps if not each.done), None)

    @property
    def wanted(self) -> bool:
        """They are worth a place on other pages."""
        return not self.hidden and self.next is not None


async def first_steps(visit: Visit, connection: AsyncConnection) -> FirstSteps:
    accounts = [each for each in await list_accounts(connection) if each.state == "active"]
    by_kind = {each.kind: each for each in reversed(accounts)}
    so_far = await progress(connection)
    talk = None
    if (site := by_kind.get("site_chat")) is not None and so_far.site_message:
        talk = await newest_conversation(connection, site.id)
    kept = await setting(connection, FIRST_STEPS) or {}
    return FirstSteps(
        steps=_steps(visit, so_far, by_kind, talk), hidden=bool(kept.get("hidden", False))
    )


def _steps(
    visit: Visit, so_far: Progress, by_kind: dict[str, AccountRow], talk: UUID | None
) -> list[FirstStep]:
    _ = visit._
    here = f"/conversations/{talk}?tab=all" if talk else ""
    found = []
    if site := by_kind.get("site_chat"):
        found.append(
            FirstStep(
                key="site",
                done=so_far.site_message,
                name=_("Write to yourself in the chat of a site"),
                words=_(
                    "A small shop to try it on: the message comes here, the answer goes there."
                ),
                where=f"/chat/{site.slug}/try",
                button=_("Open the test page"),
                elsewhere=True,
            )
        )
    found += [
        FirstStep(
            key="answer",
            done=so_far.answered,
            name=_("Answer the customer"),
            words=_(
                "Open the conversation, write below and press Ctrl+Enter. The answer appears on the test page."
            ),
            where=here or ("/" if so_far.site_message else ""),
            button=_("Open the conversation"),
        ),
        FirstStep(
            key="win",
            done=so_far.won,
            name=_("Win the lead"),
            words=_(
                "Every first message opened a lead: it is on the right of the conversation. Open it, write the value, save, and press “Won”."
            ),
            where=here or "/leads",
            button=_("To the lead"),
        ),
    ]
    if mail := by_kind.get("email"):
        smtp = visit.around.smtp_listen
        found.append(
            FirstStep(
                key="mail",
                done=so_far.mail_message,
                name=_("Send a letter"),
                words=_("Mail is taken at {address} (SMTP), to any address.").format(address=smtp)
                if smtp
                else _("Your mail server delivers to Allo; the settings of the channel say how."),
                where=f"/settings/channels/{mail.slug}" if visit.may(Right.MANAGE_CHANNELS) else "",
                button=_("Set up the mail"),
                command=_letter(smtp) if smtp else "",
            )
        )
    if visit.may(Right.MANAGE_CHANNELS):
        found.append(
            FirstStep(
                key="telegram",
                done="telegram" in by_kind,
                name=_("Connect Telegram"),
                words=_("A bot's token from @BotFather is enough; it takes two minutes."),
                where="/settings/channels/new/telegram",
                button=_("Connect"),
            )
        )
    if visit.may(Right.MANAGE_PEOPLE):
        found += [
            FirstStep(
                key="colleagues",
                done=so_far.colleagues,
                name=_("Let your colleagues in"),
                words=_("New conversations are handed out in turn to those on duty."),
                where="/settings/people",
                button=_("Add people"),
            ),
            FirstStep(
                key="hours",
                done=so_far.hours,
                name=_("Say when you work"),
                words=_(
                    "Outside these hours customers are told when you will be back, and nobody is blamed for waiting."
                ),
                where="/settings/working-hours",
                button=_("Set the hours"),
            ),
        ]
    if so_far.canned is not None and visit.exists("/settings/canned-replies"):
        found.append(
            FirstStep(
                key="canned",
                done=so_far.canned,
                name=_("Write down your usual answers"),
                words=_("Then / in the answer finds them."),
                where="/settings/canned-replies",
                button=_("Write one"),
            )
        )
    if so_far.notified is not None:
        found.append(
            FirstStep(
                key="notices",
                done=so_far.notified,
                name=_("Be told when somebody writes"),
                words=_(
                    "Switch notifications on in your profile; in the browser's menu Allo can be installed as an app."
                ),
                where="/profile",
                button=_("To the profile"),
            )
        )
    return found


def _letter(smtp: str) -> str:
    return (
        "printf 'From: you@example.com\\nSubject: Hello\\n\\nIs anybody there?\\n' | "
        f"curl smtp://{smtp} --mail-from you@example.com --mail-rcpt shop@example.com -T -"
    )


async def page(visit: Visit) -> web.Response:
    async with visit.around.engine.connect() as connection:
        steps = await first_steps(visit, connection)
    return visit.page("settings/first_steps.html", steps=steps)


async def hide(visit: Visit) -> web.Response:
    hidden = visit.form.get("hidden", "1") == "1"
    async with transaction(visit.around.engine) as connection:
        await put(connection, FIRST_STEPS, {"hidden": hidden})
    return visit.done(
        "/settings/first-steps",
        said=visit._("The first steps are out of the way; they stay in the settings.")
        if hidden
        else visit._("The first steps are shown again."),
        undo=Undo(action="/settings/first-steps/hide", fields={"hidden": "0" if hidden else "1"}),
    )


PAGES: Final[Sequence[Page]] = (
    get("/settings/first-steps", page, Right.MANAGE_CHANNELS),
    post("/settings/first-steps/hide", hide, Right.MANAGE_CHANNELS),
)
