"""Customers for the benches: deterministic by seed, in the proportions of a busy day."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from router import wire
from router.ids import new_id
from router.message import Accepted, Chat, InboundMessage, Key, Sender, SourceKeys
from workers.topology import shard

MORNING: Final = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
NEWCOMERS: Final = 0.1
"""Of all messages, those from somebody who has never written before."""

WORDS: Final = (
    "Здравствуйте, сколько стоит замена тормозных колодок на Киа Рио 2019 года?",
    "А когда можно подъехать? Мне удобно в субботу утром, часов в десять.",
    "Спасибо, понял. Оригинал или аналог?",
    "Do you have winter tyres 205/55 R16 in stock?",
    "Хорошо, записывайте. Телефон тот же.",
)


def writers(count: int, chance: random.Random) -> Iterator[int]:
    """Who writes next, or calls: people by number, from 1, in the order in which they first came."""
    known = 0
    for _ in range(count):
        if known == 0 or chance.random() < NEWCOMERS:
            known += 1
            yield known
        else:
            yield chance.randint(max(1, known - 2000), known)


def callers(calls: int, *, seed: int = 1) -> Iterator[str]:
    """Of so many calls, the customers' mobile numbers: 79160000001."""
    chance = random.Random(seed)  # noqa: S311  # reproducible, not secret
    return (f"7916{person:07}" for person in writers(calls, chance))


def updates(count: int, *, seed: int = 1) -> Iterator[dict[str, object]]:
    """Telegram updates as the platform sends them, about 400 bytes each."""
    chance = random.Random(seed)  # noqa: S311  # reproducible, not secret
    for n, person in enumerate(writers(count, chance)):
        at = MORNING + timedelta(milliseconds=20 * n)
        who = {
            "id": 5_000_000_000 + person,
            "first_name": f"Покупатель {person}",
            "username": f"customer_{person}",
        }
        yield {
            "update_id": 870_000_000 + n,
            "message": {
                "message_id": n + 1,
                "date": int(at.timestamp()),
                "text": chance.choice(WORDS),
                "from": {**who, "is_bot": False, "language_code": "ru"},
                "chat": {**who, "type": "private"},
            },
        }


def events(count: int, account: UUID, *, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """The same as events on their way to the router: (queue, encoded)."""
    met: set[object] = set()
    for update in updates(count, seed=seed):
        message: dict[str, object] = update["message"]  # type: ignore[assignment]
        chat: dict[str, object] = message["chat"]  # type: ignore[assignment]
        at = datetime.fromtimestamp(int(str(message["date"])), UTC)
        first = chat["id"] not in met
        met.add(chat["id"])
        accepted = Accepted(
            id=new_id(),
            account=account,
            channel="telegram",
            received_at=at,
            event=InboundMessage(
                key=str(update["update_id"]),
                chat=Chat(id=str(chat["id"])),
                at=at,
                sender=Sender(
                    keys=(
                        Key(kind="telegram", value=str(chat["id"]), display=f"@{chat['username']}"),
                    ),
                    name=str(chat["first_name"]),
                    username=str(chat["username"]),
                    locale="ru",
                ),
                external_id=f"{chat['id']}:{message['message_id']}",
                text=str(message["text"]),
                order=int(str(message["message_id"])),
                source=SourceKeys(code="spring_sale") if first else None,
            ),
            raw=msgspec.json.encode(update),
        )
        yield shard(account, str(chat["id"])), wire.encode_event(accepted)
