"""A day on which everything dies once, and the accounts that are settled at its end.

    People      who write, in which updates; some have two accounts in Telegram and share one telephone number
    Sender      brings the updates as Telegram does: shuffled, some twice, again and again until they are taken
    Colleagues  answer through the API, each answer with its key, again and again until it is taken
    Ledger      what the database and the stand-in say when all is over

Nothing here waits for a fault to heal: faults, senders and colleagues go on beside each other.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, Final

import aiohttp
import asyncpg

from sandbox.telegram import Bot
from tests.journey.processes import Api, eventually

Json = dict[str, Any]

TOKEN: Final = "900900:TEST"
SECRET: Final = "bad-day-s3cret"
BEGAN: Final = 1763700000
"""Seconds: when the first message was written."""
REDELIVERED: Final = 0.2
PATIENCE_S: Final = 10.0
"""Telegram waits longer for an answer; a test that waits a minute for one dead socket says nothing more."""


@dataclass(frozen=True, slots=True)
class Update:
    user: int
    message_id: int
    body: bytes

    @property
    def external_id(self) -> str:
        return f"{self.user}:{self.message_id}"


@dataclass(frozen=True, slots=True)
class People:
    """`alone` have one account; each of `pairs` are two accounts of one person."""

    alone: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    updates: tuple[Update, ...]

    @property
    def users(self) -> list[int]:
        return [*self.alone, *(user for pair in self.pairs for user in pair)]

    def __len__(self) -> int:
        return len(self.alone) + len(self.pairs)


def people(chance: Random, *, events: int) -> People:
    """About eight events a person; every sixth person has two accounts, and shows both that they are one."""
    persons = max(events // 8, 6)
    users = count(5_000_001)
    pairs = tuple((next(users), next(users)) for _ in range(persons // 6))
    alone = tuple(next(users) for _ in range(persons - len(pairs)))
    everybody = [*alone, *(user for pair in pairs for user in pair)]
    phones = {user: f"+7921{7_000_000 + n}" for n, pair in enumerate(pairs) for user in pair}
    # Each writes once; who has two accounts shows the telephone from both; the rest is by chance.
    deeds = [(user, "text") for user in everybody] + [(user, "contact") for user in phones]
    deeds += [(chance.choice(everybody), "text") for _ in range(events - len(deeds))]
    chance.shuffle(deeds)
    numbers: Counter[int] = Counter()
    updates = []
    for n, (user, what) in enumerate(deeds):
        numbers[user] += 1
        number = numbers[user]
        content: Json = {"text": f"{user}, сообщение {number}"}
        if what == "contact":
            card = {"phone_number": phones[user], "first_name": "Card", "user_id": user}
            content = {"contact": card}
        updates.append(Update(user, number, _update(n, user, number, content)))
    return People(alone, pairs, tuple(updates))


def _update(n: int, user: int, number: int, content: Json) -> bytes:
    person = {"id": user, "is_bot": False, "first_name": f"U{user}", "language_code": "ru"}
    chat = {"id": user, "type": "private", "first_name": f"U{user}"}
    message = {"message_id": number, "date": BEGAN + n, "from": person, "chat": chat}
    return json.dumps({"update_id": 870_000_000 + n, "message": message | content}).encode()


@dataclass(kw_only=True)
class Sender:
    """`accepted` and `attempts` count requests."""

    url: str
    http: aiohttp.ClientSession
    accepted: int = 0
    attempts: int = 0
    refused: Counter[int] = field(default_factory=Counter)

    async def bring_all(
        self, updates: Sequence[Update], *, chance: Random, seconds: float, at_once: int = 40
    ) -> int:
        """Every update, and a fifth of them again, in any order, spread over the time; how many deliveries that were."""
        again = chance.sample(list(updates), round(len(updates) * REDELIVERED))
        deliveries = [*updates, *again]
        chance.shuffle(deliveries)
        began = time.monotonic()
        due = iter(
            [(began + seconds * n / len(deliveries), each) for n, each in enumerate(deliveries)]
        )

        async def bring_some() -> None:
            for at, update in due:
                await asyncio.sleep(max(0.0, at - time.monotonic()))
                await self.bring(update)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(bring_some())
        return len(deliveries)

    async def bring(self, update: Update) -> None:
        """Until it is taken."""
        for pause in (0.0, 0.1, 0.2, 0.4, *[0.8] * 1000):
            await asyncio.sleep(pause)
            if await self._taken(update):
                self.accepted += 1
                return
        raise AssertionError("an update was never taken")

    async def _taken(self, update: Update) -> bool:
        self.attempts += 1
        headers = {
            "X-Telegram-Bot-Api-Secret-Token": SECRET,
            "Content-Type": "application/json",
        }
        try:
            async with self.http.post(
                f"{self.url}/hooks/telegram/shop",
                data=update.body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=PATIENCE_S),
            ) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            self.refused[0] += 1
            return False
        if 200 <= status < 300:
            return True
        self.refused[status] += 1
        assert status == 503, f"a good update was refused with {status}"
        return False


@dataclass(kw_only=True)
class Colleagues:
    """`asked` are the answers they want sent, by key; `made` the messages that came of it."""

    api: Api
    made: dict[str, str] = field(default_factory=dict)
    attempts: int = 0

    async def answer(self, conversations: Sequence[Json], *, each: int, seconds: float) -> None:
        """`each` answers to every conversation, spread over the time."""
        wanted = [(one, n) for n in range(each) for one in conversations]
        began = time.monotonic()
        due = iter([(began + seconds * n / len(wanted), *what) for n, what in enumerate(wanted)])

        async def answer_some() -> None:
            for at, conversation, n in due:
                await asyncio.sleep(max(0.0, at - time.monotonic()))
                await self._answer(conversation, n)

        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(answer_some())

    async def _answer(self, conversation: Json, n: int) -> None:
        key = f"{conversation['id']}-{n}"
        for pause in (0.0, 0.1, *[0.5] * 500):
            await asyncio.sleep(pause)
            self.attempts += 1
            try:
                status, said = await self.api.send(
                    "POST",
                    f"/conversations/{conversation['id']}/messages",
                    {"text": f"Ответ {key}"},
                    {"Idempotency-Key": key},
                )
            except (aiohttp.ClientError, TimeoutError, OSError):
                continue
            if status == 201:
                self.made[f"Ответ {key}"] = said["id"]
                return
            assert status == 503, f"an answer was refused: {status} {said}"
        raise AssertionError("an answer was never taken")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The accounts at the end of the day, read from the database itself."""

    database: asyncpg.Connection
    people: People
    deliveries: int
    colleagues: Colleagues
    bot: Bot

    async def one(self, question: str, *values: Any) -> int:
        found = await self.database.fetchval(question, *values)
        return int(found or 0)

    async def routed(self) -> bool:
        """Every event is there; as a condition to wait for."""
        stored = await self.one("select count(*) from inbound_event")
        assert stored == len(self.people.updates), f"{stored} of {len(self.people.updates)}"
        return True

    async def drained(self) -> bool:
        waiting = {
            "deliveries": await self.one(
                "select count(*) from delivery where state in ('queued', 'sending')"
            ),
            "outbox": await self.one("select count(*) from outbox where position is null"),
            "queue": await self.one("select count(*) from queue_message"),
            "facts": await self.one("select count(*) from outbox where kind <> 'notice_changed'")
            - await self.one("select count(*) from fact_event"),
        }
        assert not any(waiting.values()), str(waiting)
        return True

    async def every_event_is_there_once(self) -> None:
        rows = await self.database.fetch(
            "select external_id, count(*) as n from message where direction = 'in' group by 1"
        )
        expected = {each.external_id for each in self.people.updates}
        assert {row["external_id"] for row in rows} == expected
        assert {row["n"] for row in rows} == {1}
        assert await self.one("select count(*) from inbound_event where outcome <> 'stored'") == 0
        # What was brought again, by Telegram or by the broker, was recognised and counted.
        repeats = await self.one("select sum(repeats) from inbound_event")
        assert repeats >= self.deliveries - len(self.people.updates)
        assert await self.one("select count(*) from dead_letter") == 0
        assert await self.one("select count(*) from waiting_event") == 0

    async def every_person_is_one_contact_with_one_lead(self) -> None:
        assert await self.one("select count(*) from contact where merged_into is null") == len(
            self.people
        )
        assert await self.one("select count(*) from lead where status = 'open'") == len(self.people)
        assert await self.one(
            "select count(distinct l.contact_id) from lead l join contact c on c.id = l.contact_id"
            " where l.status = 'open' and c.merged_into is null and l.manager_id is not null"
        ) == len(self.people)
        owners = {
            int(row["chat"]): row["contact_id"]
            for row in await self.database.fetch("select chat, contact_id from conversation")
        }
        assert set(owners) == set(self.people.users)
        for one, other in self.people.pairs:
            assert owners[one] == owners[other]
        assert len(set(owners.values())) == len(self.people)

    async def conversations_read_as_they_were_written(self) -> None:
        rows = await self.database.fetch(
            "select c.chat, c.seq as last, array_agg(m.seq order by m.seq) as seqs,"
            " array_agg(m.external_id order by m.sent_at, m.place, m.seq) filter (where m.direction = 'in') as read"
            " from conversation c join message m on m.conversation_id = c.id group by c.id"
        )
        for row in rows:
            assert row["seqs"] == list(range(1, row["last"] + 1))
            written = [int(each.partition(":")[2]) for each in row["read"]]
            assert written == sorted(written)

    async def every_answer_was_sent_once_or_is_unknown(self) -> dict[str, int]:
        """How many ended in which state."""
        rows = await self.database.fetch(
            "select m.id, m.text, m.state, d.state as delivery from message m"
            " join delivery d on d.message_id = m.id where m.direction = 'out'"
        )
        assert {row["text"]: str(row["id"]) for row in rows} == self.colleagues.made
        assert len(rows) == len(self.colleagues.made)
        seen = Counter(each.text for each in self.bot.sent)
        assert not [text for text, times in seen.items() if times > 1]
        for row in rows:
            assert row["state"] == row["delivery"]
            assert row["state"] in {"sent", "unknown"}
            if row["state"] == "sent":
                assert seen[row["text"]] == 1
        return dict(Counter(row["state"] for row in rows))

    async def the_feed_is_complete(self, told: Sequence[Json]) -> None:
        """What a reader was told live, through every break, is all there is, once and in order."""
        all_of_it = [
            row["position"]
            for row in await self.database.fetch(
                "select position from outbox where kind <> 'notice_changed' order by position"
            )
        ]

        async def read() -> bool:
            assert len(told) == len(all_of_it), f"{len(told)} of {len(all_of_it)} told"
            return True

        await eventually(read)
        assert [each["position"] for each in told] == all_of_it
        recorded = await self.one("select sum(count) from rollup_day")
        assert recorded == await self.one("select count(*) from fact_event")
