"""WhatsApp with everything real but Meta: from a person's telephone to the records, and back."""

import asyncio
import random
from datetime import timedelta
from uuid import UUID

import pytest

from router.asking import Refused
from sandbox.whatsapp import Fault, Limits
from sandbox.whatsapp.delivery import body_of
from sandbox.whatsapp.world import Template
from tests.connectors.channels.whatsapp_shop import ANNA, a_shop, until
from tests.events import a_message, a_person, a_phone, accepted

# In


async def test_a_message_opens_a_conversation_a_lead_and_a_window(database, tmp_path):
    async with a_shop(database, tmp_path) as shop:
        shop.number.person(ANNA, "Анна")
        shop.number.clicks_advertisement(ANNA, "Сколько стоит? [ref: spring_sale]")
        await shop.all_came()
        row = await shop.one(
            "select c.name, v.chat, v.window_until, m.text, l.first_touch, t.click_ids, t.raw"
            " from contact c join conversation v on v.contact_id = c.id join message m on m.conversation_id = v.id"
            " join lead l on l.contact_id = c.id join touch t on t.contact_id = c.id"
        )
        assert (row.name, row.text) == ("Анна", "Сколько стоит?")
        assert row.window_until == shop.clock() + timedelta(hours=24)
        assert row.chat == shop.number.person(ANNA).user_id
        assert (
            row.first_touch["source"],
            row.first_touch["medium"],
            row.first_touch["campaign"],
        ) == ("meta", "cpc", "120210000000")
        assert row.click_ids == {"ctwa_clid": "ARAkLkA8rmlFeiCktEJQ"}
        assert row.raw["code"] == "spring_sale"


async def test_the_same_webhooks_twice_and_shuffled_are_the_same_conversation(database, tmp_path):
    async with a_shop(database, tmp_path) as shop:
        shop.whatsapp.delivery.holding = True
        for number in range(12):
            shop.number.writes(ANNA, f"n{number:02}")
            shop.clock.goes_on(seconds=1)
        broken = {"messages": [{"id": "wamid.broken", "type": "text", "text": 5}, "nonsense"]}
        held = shop.whatsapp.delivery.held
        held.insert(6, (shop.number, body_of(shop.number, broken, "messages")))
        held += held
        random.Random(3).shuffle(held)
        shop.whatsapp.let_go()
        await shop.all_came()
        rows = await shop.sql(
            "select text from message where direction = 'in' order by sent_at, place, seq"
        )
        assert [row.text for row in rows] == [f"n{number:02}" for number in range(12)]
        assert len(await shop.sql("select id from conversation")) == 1
        kept = await shop.sql("select outcome from inbound_event where kind = 'service'")
        assert len(kept) == 2


async def test_meta_comes_again_while_nothing_can_be_made_durable(database, tmp_path):
    async with a_shop(database, tmp_path, delivering=False) as shop:
        shop.intake.refusals = 2
        shop.number.writes(ANNA, "hi", name="Анна")
        await shop.all_came()
        assert shop.whatsapp.delivery.attempts == 3
        assert (await shop.one("select text from message")).text == "hi"


async def test_a_webhook_signed_by_another_app_leaves_nothing_behind(database, tmp_path):
    async with a_shop(database, tmp_path, delivering=False) as shop:
        shop.whatsapp.delivery.app_secret = "another"
        shop.number.writes(ANNA, "hi")
        await until(lambda: shop.number.webhook and shop.number.webhook.last_error)
        assert shop.number.webhook is not None
        assert shop.number.webhook.last_error == "HTTP 403"
        assert not await shop.sql("select key from inbound_event")


async def test_a_person_is_one_by_number_user_id_or_both(database, tmp_path):
    """Messages from before user ids, messages with both, and then the number is hidden."""
    async with a_shop(database, tmp_path) as shop:
        anna = shop.number.person(ANNA, "Анна", known_by_user_id=False)
        for known, hidden in ((False, False), (True, False), (True, True), (False, False)):
            anna.known_by_user_id, anna.hidden = known, hidden
            shop.number.writes(ANNA, "hi")
            await shop.all_came()
            shop.clock.goes_on(seconds=1)
        row = await shop.one("select chat, seq, contact_id from conversation")
        assert (row.chat, row.seq) == (ANNA, 4)
        keys = await shop.sql("select kind, value from identity order by kind, value")
        assert {(key.kind, key.value) for key in keys} == {
            ("phone", f"+{ANNA}"),
            ("whatsapp", ANNA),
            ("whatsapp", anna.user_id),
        }
        # And answers go where they arrived so far.
        await shop.comes("select state from message order by seq limit 1", "")
        message = await shop.answers()
        await shop.comes(f"select state from message where id = '{message}'", "delivered")
        assert shop.number.sent[0].to == ANNA


async def test_both_names_of_a_newcomer_in_one_batch_are_one_chat(database, tmp_path):
    async with a_shop(database, tmp_path, delivering=False) as shop:
        anna = shop.number.person(ANNA, "Анна")
        shop.whatsapp.delivery.holding = True
        items = []
        for known in (False, True):
            anna.known_by_user_id = known
            items.append(shop.number.writes(ANNA, "hi"))
        shop.whatsapp.delivery.held.clear()
        together = {"contacts": [anna.contact], "messages": items}
        shop.whatsapp.delivery.held.append(
            (shop.number, body_of(shop.number, together, "messages"))
        )
        shop.whatsapp.let_go()
        await shop.all_came()
        assert (await shop.one("select seq from conversation")).seq == 2


async def test_two_numbers_of_one_person_are_two_chats(database, tmp_path):
    async with a_shop(database, tmp_path, delivering=False) as shop:
        shop.number.writes(ANNA, "from one", name="Анна")
        shop.number.writes("79260000000", "from the other", name="Анна")
        await shop.all_came()
        one, other = await shop.sql("select id from contact order by created_at, id")
        await shop.desk.merge(one.id, other.id, by=None)
        shop.clock.goes_on(seconds=1)
        # Without user ids, so that each is found by its other name.
        for number in (ANNA, "79260000000"):
            shop.number.person(number).known_by_user_id = False
            shop.number.writes(number, f"again from {number}")
        await shop.all_came()
        rows = await shop.sql("select seq from conversation")
        assert [row.seq for row in rows] == [2, 2]


async def test_a_new_number_goes_on_in_the_same_conversation(database, tmp_path):
    async with a_shop(database, tmp_path) as shop:
        shop.number.writes(ANNA, "hi", name="Анна")
        await shop.all_came()
        shop.clock.goes_on(seconds=1)
        shop.number.changes_number(ANNA, "79260000000")
        await shop.all_came()
        shop.clock.goes_on(seconds=1)
        shop.number.writes("79260000000", "it is me")
        await shop.all_came()
        row = await shop.one("select chat, seq from conversation")
        assert row.chat == shop.number.person("79260000000").user_id
        assert len(await shop.sql("select id from contact where merged_into is null")) == 1
        await shop.answers("welcome back")
        await until(lambda: shop.number.times("welcome back") == 1)


async def test_who_calls_from_the_whatsapp_number_is_the_same_person(database, tmp_path):
    async with a_shop(database, tmp_path, delivering=False) as shop:
        shop.number.writes(ANNA, "hi", name="Анна")
        await shop.all_came()
        calls = await shop.base.connect("calls", kind="call_hook")
        caller = type(a_person(1))(keys=(a_phone(f"+{ANNA}"),), name="")
        await shop.base.route(accepted(calls, a_message(by=caller), channel="call_hook"))
        assert len(await shop.sql("select id from contact where merged_into is null")) == 1
        assert len(await shop.sql("select id from lead where status = 'open'")) == 1


async def test_what_a_colleague_wrote_on_the_telephone_is_in_the_same_conversation(
    database, tmp_path
):
    async with a_shop(database, tmp_path) as shop:
        shop.number.writes(ANNA, "hi", name="Анна")
        await shop.all_came()
        shop.clock.goes_on(seconds=1)
        shop.number.writes_in_the_app(ANNA, "from the app")
        await shop.all_came()
        rows = await shop.sql("select direction from message order by seq")
        assert [row.direction for row in rows] == ["in", "out"]
        assert (await shop.one("select unread from conversation")).unread == 0


async def test_edits_reactions_and_revocations_find_their_message_in_any_order(database, tmp_path):
    async with a_shop(database, tmp_path, delivering=False) as shop:
        shop.whatsapp.delivery.holding = True
        wamid = shop.number.writes(ANNA, "helo")["id"]
        shop.clock.goes_on(seconds=1)
        shop.number.edits(ANNA, wamid, "hello")
        shop.number.reacts(ANNA, wamid, "👍")
        shop.clock.goes_on(seconds=1)
        shop.number.revokes(ANNA, wamid)
        shop.whatsapp.delivery.held.reverse()
        for held in list(shop.whatsapp.delivery.held):
            shop.whatsapp.delivery.held[:] = [held]
            shop.whatsapp.let_go()
            await shop.all_came()
        row = await shop.one("select text, reactions, deleted_at from message")
        assert row.text == "hello"
        assert next(iter(row.reactions.values()))["emoji"] == ["👍"]
        assert row.deleted_at is not None
        assert not await shop.sql("select id from waiting_event")


async def test_files_are_fetched_at_once_and_kept(database, tmp_path):
    async with a_shop(database, tmp_path) as shop:
        item = shop.number.sends_file(ANNA, b"a picture", caption="вот")
        await shop.all_came()
        shop.fetcher.wake()
        await shop.comes("select state from attachment", "stored")
        row = await shop.one("select ref, sha256, mime, size from attachment")
        assert (row.ref, row.mime, row.size) == (item["image"]["id"], "image/jpeg", 9)
        assert await shop.media.get(row.sha256) == b"a picture"


async def test_a_file_that_cannot_be_had_now_does_not_lose_its_message(database, tmp_path):
    async with a_shop(database, tmp_path) as shop:
        shop.whatsapp.go_wrong(Fault(kind="answer", what="file", status=500))
        shop.number.sends_file(ANNA, b"a picture", caption="вот")
        await shop.all_came()
        assert (await shop.one("select text from message")).text == "вот"
        shop.fetcher.wake()
        await until(lambda: "file" in shop.whatsapp.calls)
        async with asyncio.timeout(10):
            while (await shop.one("select state from attachment")).state != "stored":
                shop.clock.goes_on(seconds=30)
                shop.fetcher.wake()
                await asyncio.sleep(0.01)


# Out


async def test_a_reply_is_sent_delivered_and_read_whatever_comes_first(database, tmp_path):
    async with a_shop(database, tmp_path) as shop:
        shop.number.writes(ANNA, "hi", name="Анна")
        await shop.all_came()
        shop.number.receipts = False
        message = await shop.answers()
        await until(lambda: shop.number.sent)
        wamid = shop.number.sent[0].id
        for state in ("read", "sent", "delivered"):
            shop.number.reports(wamid, state)
            await shop.all_came()
        await shop.comes("select state from delivery", "sent")
        await shop.comes(f"select state from message where id = '{message}'", "read")


async def test_statuses_that_overtake_our_own_commit_wait_for_it(database, tmp_path):
    """Meta's statuses come while our request is still under way."""
    async with a_shop(database, tmp_path) as shop:
        shop.number.writes(ANNA, "hi", name="Анна")
        await shop.all_came()
        heard = asyncio.Event()
        shop.whatsapp.go_wrong(Fault(kind="slow_after", what="messages", until=heard))
        message = await shop.answers()
        await shop.comes("select count(*) from waiting_event where external_id like 'wamid%'", 2)
        assert await shop.state(message) == "queued"
        heard.set()
        await shop.comes(f"select state from message where id = '{message}'", "delivered")
        assert not await shop.sql("select id from waiting_event")


async def test_a_failure_that_comes_as_a_status_says_what_to_do(database, tmp_path):
    async with a_shop(database, tmp_path) as shop:
        shop.number.writes(ANNA, "hi", name="Анна")
        await shop.all_came()
        shop.number.person(ANNA).wrote_at = None
        message = await shop.answers()
        await shop.comes(f"select state from message where id = '{message}'", "failed")
        row = await shop.one("select error from message where id = :id", id=message)
        assert "only a template can be sent" in row.error


@pytest.mark.parametrize("first", ["the status", "the time-out"])
async def test_a_lost_answer_is_cleared_up_by_the_status_with_our_own_name(
    database, tmp_path, first
):
    async with a_shop(database, tmp_path) as shop:
        shop.number.writes(ANNA, "hi", name="Анна")
        await shop.all_came()
        shop.whatsapp.delivery.holding = first == "the time-out"
        heard = asyncio.Event()
        if first == "the status":
            shop.whatsapp.go_wrong(Fault(kind="drop_late", what="messages", until=heard))
        else:
            shop.whatsapp.go_wrong(Fault(kind="drop_after", what="messages"))
        message = await shop.answers()
        if first == "the status":
            await shop.comes("select count(*) from waiting_event where external_id like 'own:%'", 2)
            heard.set()
        else:
            await shop.comes(f"select state from message where id = '{message}'", "unknown")
            shop.whatsapp.let_go()
        await shop.comes(f"select state from message where id = '{message}'", "delivered")
        row = await shop.one("select external_id from message where id = :id", id=message)
        assert row.external_id == shop.number.sent[0].id
        assert shop.number.times("Добрый день") == 1


async def test_a_hundred_replies_through_a_bad_hour_arrive_once_or_are_marked_unknown(
    database, tmp_path
):
    limits = Limits(number_rate=None)
    async with a_shop(database, tmp_path, limits=limits) as shop:
        people = [f"7916000{number:04}" for number in range(20)]
        for person in people:
            shop.number.writes(person, "hi")
        await shop.all_came()
        shop.number.receipts = False
        shop.whatsapp.go_wrong(
            Fault(kind="answer", what="messages", status=503, code=131016, times=5),
            Fault(kind="answer", what="messages", status=500, code=None, times=5),
            Fault(kind="drop_before", what="messages", times=2),
            Fault(kind="drop_after", what="messages", times=2),
        )
        conversations = await shop.sql("select id, chat from conversation")
        written: dict[UUID, str] = {}
        for number in range(100):
            text = f"n{number:03}"
            where = conversations[number % 20].id
            written[await shop.desk.reply(where, by=None, text=text)] = text
        async with asyncio.timeout(30):
            while await shop.sql(
                "select id from delivery where state in ('queued', 'sending') limit 1"
            ):
                # Time passes for what was put off.
                shop.clock.goes_on(seconds=60)
                shop.deliverer.wake()
                await asyncio.sleep(0.01)
        states = {
            row.id: row.state
            for row in await shop.sql("select id, state from message where direction = 'out'")
        }
        for message, text in written.items():
            assert shop.number.times(text) == 1 or states[message] == "unknown"
            assert shop.number.times(text) <= 1
        assert sum(state == "unknown" for state in states.values()) == 4
        assert shop.number.meter.refused == 0
        for conversation in conversations:
            mine = [each.text for each in shop.number.sent if each.to == conversation.chat]
            assert mine == sorted(mine)


# The window


async def test_a_free_reply_is_refused_when_the_window_is_closed_and_a_template_is_not(
    database, tmp_path
):
    async with a_shop(database, tmp_path) as shop:
        shop.number.templates.append(Template(name="visit", body="{{1}}, ждём вас"))
        shop.number.writes(ANNA, "hi", name="Анна")
        await shop.all_came()
        shop.clock.goes_on(hours=24)
        with pytest.raises(Refused, match="time for a free reply is over"):
            await shop.answers()
        assert not shop.whatsapp.calls
        template = {"name": "visit", "language": "ru", "values": {"body.1": "Анна"}}
        message = await shop.answers("Анна, ждём вас", template=template)
        await shop.comes(f"select state from message where id = '{message}'", "delivered")
        assert shop.number.sent[0].template == "visit"
        # The customer writes, and it is open again.
        shop.number.writes(ANNA, "thanks")
        await shop.all_came()
        await shop.answers("you are welcome")
        await until(lambda: shop.number.times("you are welcome") == 1)


async def test_a_reply_that_waited_too_long_is_not_even_tried(database, tmp_path):
    async with a_shop(database, tmp_path) as shop:
        shop.number.writes(ANNA, "hi", name="Анна")
        await shop.all_came()
        shop.clock.goes_on(hours=23)
        shop.whatsapp.go_wrong(Fault(kind="answer", what="messages", status=503, code=131016))
        message = await shop.answers()
        await shop.comes("select error_family from delivery", "Unreachable")
        shop.clock.goes_on(hours=1)
        shop.deliverer.wake()
        await shop.comes(f"select state from message where id = '{message}'", "failed")
        assert (await shop.one("select error_family from delivery")).error_family == "WindowClosed"
        assert shop.whatsapp.calls == ["messages"]
        with pytest.raises(Refused, match="time for a free reply is over"):
            await shop.desk.retry(message, by=None)


async def test_an_old_message_that_comes_late_does_not_shorten_the_window(database, tmp_path):
    async with a_shop(database, tmp_path, delivering=False) as shop:
        shop.whatsapp.delivery.holding = True
        shop.number.writes(ANNA, "first", name="Анна")
        shop.clock.goes_on(hours=2)
        shop.number.writes(ANNA, "second")
        last = shop.clock()
        shop.whatsapp.delivery.held.reverse()
        for held in list(shop.whatsapp.delivery.held):
            shop.whatsapp.delivery.held[:] = [held]
            shop.whatsapp.let_go()
            await shop.all_came()
        row = await shop.one("select window_until from conversation")
        assert row.window_until == last + timedelta(hours=24)
