"""`allo demo`: the product as it is, and beside it a town that needs its cars repaired.

    stand-ins of messengers and of a mail server ─▶ serve(…) ─▶ beside it: customers who come, colleagues who answer

Everything runs in this process and on the loopback. The installation is the demo's own (`sandbox.premises`), and what
people do there goes through the same doors as in life: the messengers' APIs, the chat's HTTP, SMTP, the colleagues' desk.
"""

import asyncio
import time
from functools import partial
from random import Random
from typing import Final

from sandbox.advertising import open_advertising
from sandbox.customers import Town
from sandbox.errands import Errands
from sandbox.landing import Landing
from sandbox.mailbox import Mailbox
from sandbox.managers import Office
from sandbox.messengers import Messengers, open_messengers
from sandbox.pace import Pace
from sandbox.phrasebook import Phrasebook
from sandbox.pictures import brake_disc
from sandbox.premises import (
    ADDRESS,
    AUTHSERV_ID,
    CALLS,
    FORMS,
    NEWCOMER,
    SHOP,
    SITE,
    VK,
    WHATSAPP,
    Kept,
    Premises,
    demo_settings,
    open_premises,
)
from sandbox.telephone import Callers, Telephones
from sandbox.three_months import SEED
from sandbox.ways_in import Doors
from storage.desk import Desk
from storage.first_run import ADMINISTRATOR
from storage.reading.contacts import ContactFilter, list_contacts
from storage.reading.sight import EVERYTHING
from workers.clock import utc_now
from workers.compose import serve
from workers.foundation import Foundation
from workers.settings import ROLES, Settings
from workers.supervisor import leaves

REMEMBERED: Final = 2000
"""People of earlier runs who can still be written to."""


async def demo(settings: Settings) -> None:
    """Until SIGTERM or Ctrl+C."""
    settings = demo_settings(settings)
    kept = open_premises(settings.data_dir)
    mailbox = Mailbox()
    here = f"http://{settings.http_address.from_here()}"
    telephones = Telephones(now=time.time, hook=f"{here}/hooks/telephony/{CALLS}")
    telephones.secret = kept.hook_secret
    try:
        async with (
            open_messengers(run=kept.run, secret=kept.hook_secret) as messengers,
            telephones.running(),
            open_advertising() as advertising,
            mailbox,
        ):
            premises = Premises(
                kept=kept,
                messengers=messengers,
                telephones=telephones,
                advertising=advertising,
                mailbox_port=mailbox.port,
            )
            messengers.tell(
                vk_hook=f"{here}/hooks/vk/{VK}",
                whatsapp_hook=f"{here}/hooks/whatsapp/{WHATSAPP}",
                secret=kept.hook_secret,
            )
            await asyncio.to_thread(brake_disc)
            await serve(
                settings,
                ROLES,
                started=partial(_welcome, settings, kept),
                found=premises.found,
                beside=partial(_life, premises=premises, mailbox=mailbox),
            )
    except BaseExceptionGroup as errors:
        raise next(leaves(errors)) from errors


async def _life(
    base: Foundation,
    stop: asyncio.Event,
    *,
    premises: Premises,
    mailbox: Mailbox,
) -> None:
    """Customers and colleagues, until it stops."""
    kept, settings = premises.kept, base.settings
    await _old_acquaintances(base, premises.messengers)
    phrasebook = Phrasebook()
    pace = Pace(_chance(kept, "pace"))
    office = Office(
        engine=base.engine,
        desk=Desk(base.engine, now=utc_now, media=base.media),
        hands=await premises.hands(base.engine),
        newcomer=NEWCOMER,
        phrasebook=phrasebook,
        pace=pace,
        random=_chance(kept, "office"),
        now=utc_now,
    )
    errands = Errands(
        engine=base.engine,
        desk=office.desk,
        hands=office.hands,
        newcomer=NEWCOMER,
        pace=pace,
        random=_chance(kept, "errands"),
        now=utc_now,
    )
    here = f"http://{settings.http_address.from_here()}"
    seed = f"{SEED}:{kept.run}"
    town = Town(
        doors=Doors(
            base_url=here,
            shop=SHOP,
            chat=SITE,
            identity_secret=kept.identity_secret,
            smtp=settings.smtp_listen,
            address=ADDRESS,
            authserv_id=AUTHSERV_ID,
        ),
        messengers=premises.messengers,
        mailbox=mailbox,
        phrasebook=phrasebook,
        pace=pace,
        seed=seed,
        now=utc_now,
        run_number=kept.run,
    )
    callers = Callers(telephones=premises.telephones, pace=pace, seed=seed, run_number=kept.run)
    landing = Landing(
        address=f"{here}/hooks/leads/{FORMS}/{kept.hook_secret}",
        page=f"{SHOP}/oil",
        phrasebook=phrasebook,
        pace=pace,
        seed=seed,
        run_number=kept.run,
    )

    base.ear.tell(office.hear)
    async with asyncio.TaskGroup() as group:
        living = [
            group.create_task(each)
            for each in (office.run(), town.run(), callers.run(), landing.run(), errands.run())
        ]
        await stop.wait()
        for each in living:
            each.cancel()


async def _old_acquaintances(base: Foundation, messengers: Messengers) -> None:
    """Those who wrote in earlier runs are still there, so that an answer reaches them."""
    cursor: str | None = ""
    met = 0
    async with base.engine.connect() as connection:
        while cursor is not None and met < REMEMBERED:
            page = await list_contacts(
                connection, ContactFilter(), sight=EVERYTHING, cursor=cursor, limit=500
            )
            for contact in page.items:
                for key in contact.identities:
                    messengers.remember(key.kind, key.value, contact.name)
            met += len(page.items)
            cursor = page.next_cursor


def _chance(kept: Kept, whose: str) -> Random:
    """The same in every first run, every second run…; of its own for each, so that they do not disturb each other."""
    return Random(f"{SEED}:{kept.run}:{whose}")  # noqa: S311  # stories, not secrets


def _welcome(settings: Settings, kept: Kept) -> None:
    print(  # noqa: T201  # a command
        f"""
  This is a demo: a car workshop whose customers, colleagues and messages are invented. They write in Telegram, VK
  and WhatsApp, in the chat of the site and by mail, call, and fill in the form of a landing page; colleagues answer, and
  whatever you do in between is real. Nothing leaves this machine.
  It lives in {settings.data_dir} and touches no other installation.

  Sign in at      {settings.base_url}
  as a manager    {NEWCOMER}
  as its admin    {ADMINISTRATOR}
  password        {kept.password}  (of both, until you change it)

  Write yourself: the chat at {settings.base_url}/chat/{SITE}/try, or a mail to {ADDRESS} at {settings.smtp_listen}.
  Ctrl+C ends it; the next `make demo` goes on with the same data.
""",
        flush=True,
    )
