"""Answering in Telegram, against the stand-in: one message, once, and the truth about what went wrong."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import pytest

from connectors.channels.telegram import aiogram_session, connector
from connectors.connector import Outgoing, OutgoingFile, Sent
from connectors.errors import (
    AccountBroken,
    Blocked,
    ChatMoved,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
)
from router.message import MessageKind
from sandbox.telegram import Fault, Limits
from tests.connectors.channels.telegram_stand import ANNA, Stand, a_stand
from tests.connectors.channels.telegram_world import TOKEN, an_account


@pytest.fixture
async def stand() -> AsyncGenerator[Stand]:
    async with a_stand() as made:
        yield made


def an_answer(text: str = "Добрый день", **more: Any) -> Outgoing:
    return Outgoing(id=uuid4(), chat=str(ANNA), text=text, **more)


def a_file(name: str, mime: str, kind: MessageKind, size: int = 100) -> OutgoingFile:
    async def read() -> bytes:
        return b"x" * size

    return OutgoingFile(name=name, mime=mime, size=size, kind=kind, read=read)


PHOTO = a_file("кот.jpg", "image/jpeg", "image")


async def send(stand: Stand, outgoing: Outgoing) -> Sent:
    assert connector.send is not None
    return await connector.send(stand.account, outgoing, stand.http)


async def failure(stand: Stand, outgoing: Outgoing) -> SendError:
    with pytest.raises(SendError) as caught:
        await send(stand, outgoing)
    # The token is in the address, so it must not be in what is shown and logged.
    error: BaseException | None = caught.value
    while error is not None:
        assert TOKEN not in repr(error)
        error = error.__cause__
    return caught.value


async def test_a_text_arrives_as_it_was_written(stand: Stand) -> None:
    text = "5 < 6 & *не жирный* _[нет](x)_ <b>нет</b>"
    sent = await send(stand, an_answer(text))
    (seen,) = stand.bot.sent
    assert seen.text == text
    assert sent.external_id == f"{ANNA}:{seen.message_id}"


async def test_an_answer_quotes_what_it_answers(stand: Stand) -> None:
    await send(stand, an_answer(reply_to=f"{ANNA}:1"))
    assert stand.bot.sent[0].reply_to == 1


async def test_an_answer_to_a_message_that_is_gone_is_still_sent(stand: Stand) -> None:
    await send(stand, an_answer(reply_to=f"{ANNA}:999"))
    await send(stand, an_answer(reply_to=f"{ANNA}:e7"))
    assert [seen.reply_to for seen in stand.bot.sent] == [None, None]


async def test_a_business_chat_is_answered_through_its_connection(stand: Stand) -> None:
    sent = await send(stand, Outgoing(id=uuid4(), chat=f"{ANNA}@bc1", text="Да"))
    assert stand.bot.sent[0].business == "bc1"
    assert sent.external_id == f"{ANNA}@bc1:{stand.bot.sent[0].message_id}"


@pytest.mark.parametrize(
    ("file", "method"),
    [
        (PHOTO, "sendPhoto"),
        (a_file("big.jpg", "image/jpeg", "image", 10_000_001), "sendDocument"),
        (a_file("scan.tiff", "image/tiff", "image"), "sendDocument"),
        (a_file("v.mp4", "video/mp4", "video"), "sendVideo"),
        (a_file("v.avi", "video/x-msvideo", "video"), "sendDocument"),
        (a_file("v.ogg", "audio/ogg", "voice"), "sendVoice"),
        (a_file("a.mp3", "audio/mpeg", "audio"), "sendAudio"),
        (a_file("g.gif", "image/gif", "animation"), "sendAnimation"),
        (a_file("смета.pdf", "application/pdf", "document"), "sendDocument"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
async def test_a_file_is_sent_as_what_it_is(stand: Stand, file: OutgoingFile, method: str) -> None:
    await send(stand, an_answer("вот", files=(file,)))
    (seen,) = stand.bot.sent
    assert (seen.method, seen.text, seen.files) == (method, "вот", (file.name,))


async def test_pictures_go_together_as_an_album(stand: Stand) -> None:
    sent = await send(
        stand, an_answer("вот", files=(PHOTO, PHOTO, a_file("v.mp4", "video/mp4", "video")))
    )
    assert [seen.method for seen in stand.bot.sent] == ["sendMediaGroup"] * 3
    assert [seen.text for seen in stand.bot.sent] == ["вот", "", ""]
    assert sent.external_id == f"{ANNA}:{stand.bot.sent[0].message_id}"


async def test_a_picture_that_telegram_cannot_scale_goes_as_a_file(stand: Stand) -> None:
    odd = Fault(
        kind="answer",
        method="sendPhoto",
        status=400,
        description="Bad Request: PHOTO_INVALID_DIMENSIONS",
    )
    stand.telegram.go_wrong(odd)
    await send(stand, an_answer("", files=(PHOTO,)))
    assert [seen.method for seen in stand.bot.sent] == ["sendDocument"]


# Splitting


def parts_of(outgoing: Outgoing) -> list[tuple[str, int, str]]:
    assert connector.split is not None
    return [(part.text, len(part.files), part.reply_to) for part in connector.split(outgoing)]


def test_a_short_text_is_one_part() -> None:
    assert parts_of(an_answer("Да", reply_to="7:1")) == [("Да", 0, "7:1")]


def test_a_long_text_is_several_and_only_the_first_answers() -> None:
    parts = parts_of(an_answer("😀 " * 3000, reply_to="7:1"))
    assert [(len(text.encode("utf-16-le")) // 2 <= 4096, reply) for text, _, reply in parts] == [
        (True, "7:1"),
        (True, ""),
        (True, ""),
    ]


def test_words_are_the_caption_when_they_fit() -> None:
    pdf = a_file("a.pdf", "application/pdf", "document")
    assert parts_of(an_answer("вот", files=(pdf, pdf))) == [("вот", 1, ""), ("", 1, "")]
    long = "x" * 1025
    assert parts_of(an_answer(long, files=(pdf,))) == [(long, 0, ""), ("", 1, "")]


def test_eleven_pictures_are_two_albums_and_a_document_stands_alone() -> None:
    pdf = a_file("a.pdf", "application/pdf", "document")
    assert [
        count for _, count, _ in parts_of(an_answer("", files=(PHOTO,) * 11 + (pdf, PHOTO)))
    ] == [10, 1, 1, 1]


async def test_every_part_is_taken(stand: Stand) -> None:
    text = "Предложение номер один. " * 400
    assert connector.split is not None
    for part in connector.split(an_answer(text, files=(PHOTO,))):
        await send(stand, part)
    assert "".join("".join(seen.text for seen in stand.bot.sent).split()) == "".join(text.split())


# What goes wrong


async def test_a_person_who_blocked_the_bot(stand: Stand) -> None:
    stand.bot.blocks(ANNA)
    error = await failure(stand, an_answer())
    assert isinstance(error, Blocked)
    assert "blocked by the user" in str(error)


async def test_a_group_that_moved_says_where_to(stand: Stand) -> None:
    stand.bot.group(-4011, "Чат")
    stand.bot.migrates(-4011, -1001234567890)
    error = await failure(stand, Outgoing(id=uuid4(), chat="-4011", text="x"))
    assert isinstance(error, ChatMoved)
    assert error.to == "-1001234567890"


async def test_too_fast_is_throttled_for_the_chat() -> None:
    async with a_stand(limits=Limits(chat_burst=2)) as stand:
        await send(stand, an_answer("1"))
        await send(stand, an_answer("2"))
        error = await failure(stand, an_answer("3"))
    assert isinstance(error, Throttled)
    assert (error.retry_after, error.scope) == (1, "chat")


@pytest.mark.parametrize(
    ("status", "description", "parameters", "kind"),
    [
        (429, "Too Many Requests: retry after 300", {"retry_after": 300}, Throttled),
        (429, "Too Many Requests", None, Throttled),
        (500, "Internal Server Error", None, Unreachable),
        (502, "Bad Gateway", None, Unreachable),
        (401, "Unauthorized", None, AccountBroken),
        (404, "Not Found", None, AccountBroken),
        (404, "Not Found: method not found", None, Rejected),
        (403, "Forbidden: bot was blocked by the user", None, Blocked),
        (403, "Forbidden: user is deactivated", None, Blocked),
        (403, "Forbidden: bot was kicked from the supergroup chat", None, Blocked),
        (403, "Forbidden: bot is not a member of the channel chat", None, Blocked),
        (403, "Forbidden: the group chat was deleted", None, Blocked),
        (403, "Forbidden: bot can't initiate conversation with a user", None, Blocked),
        (400, "Bad Request: chat not found", None, Blocked),
        (400, "Bad Request: PEER_ID_INVALID", None, Blocked),
        (400, "Bad Request: message is too long", None, Rejected),
        (400, "Bad Request: can't parse entities: x", None, Rejected),
        (400, "Bad Request: not enough rights to send text messages to the chat", None, Rejected),
        (400, "Bad Request: TOPIC_CLOSED", None, Rejected),
        (400, "Bad Request: kind of next year", None, Rejected),
        (413, "Request Entity Too Large", None, Rejected),
        (409, "Conflict: terminated by other getUpdates request", None, Throttled),
    ],
)  # fmt: skip
async def test_what_telegram_refuses(
    stand: Stand,
    status: int,
    description: str,
    parameters: dict[str, int] | None,
    kind: type[SendError],
) -> None:
    stand.telegram.go_wrong(
        Fault(kind="answer", status=status, description=description, parameters=parameters)
    )
    error = await failure(stand, an_answer())
    assert type(error) is kind or isinstance(error, Throttled)
    assert isinstance(error, kind)
    assert str(error)
    if isinstance(error, Throttled) and parameters:
        assert (error.retry_after, error.scope) == (300, "account")
    assert stand.bot.sent == []


async def test_a_short_ban_is_the_chats(stand: Stand) -> None:
    ban = Fault(
        kind="answer", status=429, description="Too Many Requests", parameters={"retry_after": 3}
    )
    stand.telegram.go_wrong(ban)
    error = await failure(stand, an_answer())
    assert isinstance(error, Throttled)
    assert error.scope == "chat"


async def test_telegram_down_was_surely_not_sent(stand: Stand) -> None:
    await stand.telegram.go_down()
    assert isinstance(await failure(stand, an_answer("раз")), Unreachable)
    await stand.telegram.come_back()
    await send(stand, an_answer("раз"))
    assert stand.bot.times("раз") == 1


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_a_lost_answer_leaves_the_outcome_unknown(stand: Stand, kind: Any) -> None:
    stand.telegram.go_wrong(Fault(kind=kind, method="sendMessage"))
    assert type(await failure(stand, an_answer("раз"))) is OutcomeUnknown
    assert stand.bot.times("раз") == (1 if kind == "drop_after" else 0)


async def test_a_silent_telegram_leaves_the_outcome_unknown(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aiogram_session, "SECONDS", 0.2)
    stand.telegram.go_wrong(Fault(kind="hang_after", method="sendMessage"))
    assert type(await failure(stand, an_answer("раз"))) is OutcomeUnknown
    assert stand.bot.times("раз") == 1


async def test_a_bad_token_breaks_the_account(stand: Stand) -> None:
    assert connector.send is not None
    for token in ("999:WRONG", "no token at all", "1:a/../x", ""):
        account = an_account(token=token, api_base=stand.telegram.url)
        with pytest.raises(AccountBroken) as caught:
            await connector.send(account, an_answer(), stand.http)
        assert not token or token not in str(caught.value)


async def test_what_is_no_chat_is_rejected(stand: Stand) -> None:
    assert isinstance(await failure(stand, Outgoing(id=uuid4(), chat="anna", text="x")), Rejected)


# Small things


async def test_a_pressed_button_is_acknowledged(stand: Stand) -> None:
    assert connector.acknowledge is not None
    await connector.acknowledge(stand.account, "q7", stand.http)
    assert stand.bot.answered == ["q7"]


async def test_a_button_pressed_long_ago_needs_no_acknowledgement(stand: Stand) -> None:
    assert connector.acknowledge is not None
    await connector.acknowledge(stand.account, "too old", stand.http)
    assert stand.bot.answered == []


async def test_typing_is_shown(stand: Stand) -> None:
    assert connector.show_typing is not None
    await connector.show_typing(stand.account, str(ANNA), stand.http)
    assert stand.bot.actions == [(ANNA, "typing")]


async def test_a_process_that_only_receives_never_imports_aiogram() -> None:
    """140 MB and seconds, for processes that answer webhooks."""
    lines = (
        "import sys",
        "from connectors.channels.telegram import connector",
        "sys.exit('aiogram' in sys.modules)",
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "\n".join(lines))
    assert await process.wait() == 0
