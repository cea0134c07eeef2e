"""A colleague writes in the composer, and the customer's platform is told so: from the page's request to the stand-in."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from connectors.connector import Account, Connector
from connectors.registry import discover
from router.facts import ReplyBegun
from router.ids import new_id
from router.transit import BrokerDown
from sandbox.vk import Fault
from tests.connectors.channels import telegram_stand, vk_stand, whatsapp_stand
from tests.connectors.channels.telegram_stand import ANNA
from tests.events import a_message, a_person, accepted
from tests.inbox.stage import Stage
from workers.announce_typing import WAITING
from workers.ear import Ear
from workers.show_typing import EVERY_S, MOST_AT_ONCE, ShowTyping

BORIS = 701


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)


class Book:
    def __init__(self, *accounts: Account) -> None:
        self._accounts = {each.id: each for each in accounts}

    def by_id(self, account: UUID) -> Account | None:
        return self._accounts.get(account)


@dataclass
class Shop:
    stage: Stage
    typing: ShowTyping
    seconds: float = 0.0

    async def talk(self, account: Account, person: int | str, **message: Any) -> UUID:
        """A conversation, begun by the person."""
        by = a_person(person, name="Customer", channel=account.kind)  # type: ignore[arg-type]  # a mail address
        event = a_message(by=by, **message)
        await self.stage.receive(accepted(account.id, event, channel=account.kind))
        row = await self.stage.shop.one(
            "select id from conversation where account_id = :account and chat = :chat",
            account=account.id,
            chat=str(person),
        )
        talk: UUID = row.id
        return talk


@asynccontextmanager
async def at_work(
    stage: Stage,
    http: aiohttp.ClientSession,
    *accounts: Account,
    connectors: dict[str, Connector] | None = None,
) -> AsyncGenerator[Shop]:
    """The pages' announcer, the broadcast, an ear and the one who shows it."""
    shop: Shop
    typing = ShowTyping(
        engine=stage.engine,
        connectors=connectors or discover(),
        accounts=Book(*accounts),  # type: ignore[arg-type]  # the part that is used
        http=http,
        now=stage.now,
        elapsed=lambda: shop.seconds,
    )
    shop = Shop(stage, typing)
    ear = Ear(stage.broadcast)  # type: ignore[arg-type]  # the part that is used
    ear.tell(typing.hear)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for job in (typing.run, ear.run, stage.typing.run):
            group.create_task(job(stop))
        # The hub of the pages listens, too.
        await until(lambda: typing._group is not None and len(stage.broadcast._listeners) == 2)
        yield shop
        stop.set()


async def a_colleague(stage: Stage, browser: Any) -> Any:
    await stage.hire("Anna")
    return await browser("Anna")


async def connected(stage: Stage, stand: Any) -> Account:
    kind = stand.account.kind
    return replace(stand.account, id=await stage.shop.connect(kind, kind=kind))


async def write(browser: Any, talk: UUID, text: str = "Добр", **fields: str) -> None:
    fields = {"text": text, "mode": "reply"} | fields
    answer = await browser.post(f"/conversations/{talk}/draft", fields)
    assert answer.status == 204, answer.text


async def test_a_customer_sees_typing_once_in_the_interval(stage, browser):
    async with telegram_stand.a_stand() as stand:
        stand.bot.writes(BORIS, "Здравствуйте", name="Борис")
        account = await connected(stage, stand)
        async with at_work(stage, stand.http, account) as shop:
            one, other = await shop.talk(account, ANNA), await shop.talk(account, BORIS)
            anna = await a_colleague(stage, browser)
            for text in ("Д", "До", "Добр"):
                await write(anna, one, text)
            # Gestures come in order: what was written to the first has been looked at.
            await write(anna, other)
            await until(lambda: len(stand.bot.actions) == 2)
            assert sorted(stand.bot.actions) == [(ANNA, "typing"), (BORIS, "typing")]

            shop.seconds = EVERY_S
            await write(anna, one, "Добрый")
            await write(anna, one, "Добрый день")
            await until(lambda: len(stand.bot.actions) == 3)
            await write(anna, other)
            await until(lambda: len(stand.bot.actions) == 4)
            assert sorted(stand.bot.actions[2:]) == [(ANNA, "typing"), (BORIS, "typing")]


async def test_a_note_and_an_empty_draft_show_nothing(stage, browser):
    async with telegram_stand.a_stand() as stand:
        stand.bot.writes(BORIS, "Здравствуйте", name="Борис")
        account = await connected(stage, stand)
        async with at_work(stage, stand.http, account) as shop:
            one, other = await shop.talk(account, ANNA), await shop.talk(account, BORIS)
            anna = await a_colleague(stage, browser)
            await write(anna, one, "для своих", mode="note")
            await write(anna, one, " \n")
            await write(anna, one, "")
            await write(anna, other)
            await until(lambda: stand.bot.actions)
            assert stand.bot.actions == [(BORIS, "typing")]
            assert list(shop.typing._last) == [other]


async def test_it_is_shown_where_the_reply_will_go(stage, browser):
    async with telegram_stand.a_stand() as stand:
        stand.bot.writes(BORIS, "Здравствуйте", name="Борис")
        account = await connected(stage, stand)
        async with at_work(stage, stand.http, account) as shop:
            one, other = await shop.talk(account, ANNA), await shop.talk(account, BORIS)
            anna = await a_colleague(stage, browser)
            await write(anna, one, to=str(other))
            await until(lambda: stand.bot.actions)
            assert stand.bot.actions == [(BORIS, "typing")]
            answer = await anna.post(f"/conversations/{one}/draft", {"text": "hi", "to": "nobody"})
            assert answer.status == 400


@pytest.mark.parametrize(
    "change",
    [
        "update conversation set status = 'resolved', resolved_at = now() where id = :id",
        "update conversation set status = 'spam' where id = :id",
        "update conversation set unreachable = 'gone' where id = :id",
        "update conversation set window_until = '2020-01-01Z' where id = :id",
        "update contact set blocked = true where id = (select contact_id from conversation where id = :id)",
    ],
)
async def test_where_no_free_reply_arrives_nothing_is_shown(stage, browser, change):
    async with telegram_stand.a_stand() as stand:
        stand.bot.writes(BORIS, "Здравствуйте", name="Борис")
        account = await connected(stage, stand)
        async with at_work(stage, stand.http, account) as shop:
            one, other = await shop.talk(account, ANNA), await shop.talk(account, BORIS)
            await stage.shop.sql(change, id=one)
            anna = await a_colleague(stage, browser)
            await write(anna, one)
            await until(lambda: one in shop.typing._last and not shop.typing._under_way)
            await write(anna, other)
            await until(lambda: stand.bot.actions)
            assert stand.bot.actions == [(BORIS, "typing")]


async def test_vk_shows_it_and_a_refusal_costs_nothing_else(stage, browser):
    async with vk_stand.a_stand() as stand:
        account = await connected(stage, stand)
        async with at_work(stage, stand.http, account) as shop:
            talk = await shop.talk(account, vk_stand.ANNA)
            anna = await a_colleague(stage, browser)
            stand.vk.go_wrong(Fault(kind="error", code=10, method="messages.setActivity"))
            await write(anna, talk)
            await until(lambda: talk in shop.typing._last and not shop.typing._under_way)
            assert stand.vk.calls.count("messages.setActivity") == 1
            assert stand.community.actions == []
            shop.seconds = EVERY_S
            await write(anna, talk)
            await until(lambda: stand.community.actions)
            assert stand.community.actions == [(vk_stand.ANNA, "typing")]


async def test_whatsapp_shows_it_under_the_persons_last_message(stage, browser):
    async with whatsapp_stand.a_stand() as stand:
        account = await connected(stage, stand)
        async with at_work(stage, stand.http, account) as shop:
            await shop.talk(account, whatsapp_stand.ANNA, external_id="wamid.1")
            talk = await shop.talk(account, whatsapp_stand.ANNA, external_id="wamid.2")
            await write(await a_colleague(stage, browser), talk)
            await until(lambda: stand.number.typing)
            assert stand.number.typing == stand.number.read_marks == ["wamid.2"]


async def test_a_channel_that_cannot_show_it_is_not_asked(stage, browser):
    async with telegram_stand.a_stand() as stand:
        account = await connected(stage, stand)
        mail = Account(id=await stage.shop.connect("mail", kind="email"), kind="email", slug="mail", fields={})  # fmt: skip
        async with at_work(stage, stand.http, account, mail) as shop:
            letter = await shop.talk(mail, "anna@example.org")
            chat = await shop.talk(account, ANNA)
            anna = await a_colleague(stage, browser)
            await write(anna, letter)
            await until(lambda: letter in shop.typing._last and not shop.typing._under_way)
            await write(anna, chat)
            await until(lambda: stand.bot.actions)
            assert stand.bot.actions == [(ANNA, "typing")]


async def test_a_slow_platform_holds_up_nobody_and_has_a_bound(stage):
    """What comes while too many are under way, or too late, is dropped and never shown later."""
    asked: list[str] = []
    answers = asyncio.Event()

    async def slow(account: Account, chat: str, http: Any, *, message_id: str = "") -> None:
        asked.append(chat)
        await answers.wait()

    connector = replace(discover()["telegram"], show_typing=slow)
    account = Account(id=await stage.shop.connect(), kind="telegram", slug="shop", fields={})
    async with (
        aiohttp.ClientSession() as http,
        at_work(stage, http, account, connectors={"telegram": connector}) as shop,
    ):
        talk = await shop.talk(account, ANNA)
        late = begun(talk, stage)
        stage.time += timedelta(minutes=1)
        shop.typing.hear(late)
        assert shop.typing._under_way == 0
        for _ in range(MOST_AT_ONCE + 1):
            shop.seconds += EVERY_S
            shop.typing.hear(begun(talk, stage))
        assert shop.typing._under_way == MOST_AT_ONCE
        await until(lambda: asked)
        answers.set()
        await until(lambda: not shop.typing._under_way)
        assert asked == [str(ANNA)] * MOST_AT_ONCE


def begun(talk: UUID, stage: Stage) -> ReplyBegun:
    return ReplyBegun(id=new_id(), at=stage.now(), conversation=talk)


async def test_a_broker_that_is_away_costs_the_page_nothing(stage, browser, monkeypatch):
    tried: list[bytes] = []

    async def away(body: bytes) -> None:
        tried.append(body)
        if len(tried) == 1:
            raise BrokerDown("gone")

    monkeypatch.setattr(stage.broadcast, "broadcast", away)
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    anna = await a_colleague(stage, browser)
    for _ in range(WAITING):
        stage.typing.say(talk, by=new_id())
    await write(anna, talk)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.typing.run(stop))
        await until(lambda: len(tried) == WAITING)
        stop.set()
