"""Answering in VK, against the stand-in: one message, once, and the truth about what went wrong."""

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import pytest

from connectors.channels.vk import connector, library
from connectors.channels.vk.method_calls import call
from connectors.channels.vk.refusals import Refusal, refused
from connectors.connector import Outgoing, OutgoingFile, Sent
from connectors.errors import (
    AccountBroken,
    Blocked,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
)
from inbox.languages import language
from router.ids import is_sent_as
from router.message import MessageKind
from sandbox.vk import Fault, Limits
from sandbox.vk.control import PICTURE
from tests.connectors.channels.vk_stand import Stand, a_stand
from tests.connectors.channels.vk_world import ANNA, TOKEN, an_account


@pytest.fixture
async def stand() -> AsyncGenerator[Stand]:
    async with a_stand() as made:
        yield made


def an_answer(text: str = "Добрый день", **more: Any) -> Outgoing:
    return Outgoing(id=uuid4(), chat=str(ANNA), text=text, **more)


def a_file(name: str, mime: str, kind: MessageKind, content: bytes = PICTURE) -> OutgoingFile:
    async def read() -> bytes:
        return content

    return OutgoingFile(name=name, mime=mime, size=len(content), kind=kind, read=read)


PHOTO = a_file("кот.jpg", "image/jpeg", "image")


async def send(stand: Stand, outgoing: Outgoing) -> Sent:
    assert connector.send is not None
    return await connector.send(stand.account, outgoing, stand.http)


async def failure(stand: Stand, outgoing: Outgoing) -> SendError:
    with pytest.raises(SendError) as caught:
        await send(stand, outgoing)
    # VK repeats all that was sent in its refusals, the token too.
    error: BaseException | None = caught.value
    while error is not None:
        assert TOKEN not in repr(error)
        error = error.__cause__
    return caught.value


async def test_a_text_arrives_as_it_was_written(stand: Stand) -> None:
    text = "5 < 6 & *не жирный* [id1|нет]\nвторая строка 😀"
    sent = await send(stand, an_answer(text))
    (seen,) = stand.community.sent
    assert seen.text == text
    assert sent.external_id == f"{ANNA}:{seen.number}"


async def test_the_same_reply_twice_is_shown_once(stand: Stand) -> None:
    answer = an_answer()
    first = await send(stand, answer)
    assert await send(stand, answer) == first
    await send(stand, an_answer())
    assert stand.community.times("Добрый день") == 2
    assert is_sent_as(answer.id, stand.community.sent[0].random_id)


async def test_the_parts_of_a_reply_are_not_taken_for_one_another(stand: Stand) -> None:
    assert connector.split is not None
    parts = connector.split(an_answer("Да. " * 3000))
    for part in [*parts, *parts]:
        await send(stand, part)
    assert len(stand.community.sent) == len(parts) == 3


@pytest.mark.parametrize("lost", ["drop_after", "drop_before"])
async def test_when_the_answer_is_lost_repeating_shows_it_once(stand: Stand, lost: Any) -> None:
    answer = an_answer()
    stand.vk.go_wrong(Fault(kind=lost, method="messages.send"))
    assert isinstance(await failure(stand, answer), OutcomeUnknown)
    await send(stand, answer)
    assert stand.community.times("Добрый день") == 1


async def test_an_answer_quotes_what_it_answers(stand: Stand) -> None:
    await send(stand, an_answer(reply_to=f"{ANNA}:1"))
    assert stand.community.sent[0].reply_to == 1


async def test_an_answer_to_a_message_that_is_gone_is_still_sent(stand: Stand) -> None:
    await send(stand, an_answer(reply_to=f"{ANNA}:999"))
    await send(stand, an_answer(reply_to="order:5"))
    assert [seen.reply_to for seen in stand.community.sent] == [None, None]


@pytest.mark.parametrize(
    ("file", "kind", "calls"),
    [
        (PHOTO, "photo", ["photos.getMessagesUploadServer", "photos.saveMessagesPhoto"]),
        (a_file("scan.tiff", "image/tiff", "image"), "doc", ["docs.getMessagesUploadServer", "docs.save"]),
        (a_file("смета.pdf", "application/pdf", "document"), "doc", ["docs.getMessagesUploadServer", "docs.save"]),
        (a_file("v.ogg", "audio/ogg", "voice"), "doc", ["docs.getMessagesUploadServer", "docs.save"]),
    ],
    ids=lambda value: value.name if isinstance(value, OutgoingFile) else "",
)  # fmt: skip
async def test_a_file_is_sent_as_what_it_is(stand: Stand, file: OutgoingFile, kind: str, calls: list[str]) -> None:  # fmt: skip
    await send(stand, an_answer("вот", files=(file,)))
    (seen,) = stand.community.sent
    assert seen.text == "вот"
    (name,) = seen.files
    assert name.startswith(f"{kind}-222_")
    assert stand.community.kept[name].content == PICTURE
    assert stand.vk.calls == [*calls, "messages.send"]


async def test_ten_files_go_in_one_message(stand: Stand) -> None:
    assert connector.split is not None
    parts = connector.split(an_answer("вот", files=(PHOTO,) * 12))
    for part in parts:
        await send(stand, part)
    assert [(seen.text, len(seen.files)) for seen in stand.community.sent] == [("вот", 10), ("", 2)]


def test_large_files_and_voices_go_by_themselves() -> None:
    assert connector.split is not None
    large = a_file("a.pdf", "application/pdf", "document", b"x" * 6_000_000)
    voice = a_file("v.ogg", "audio/ogg", "voice")
    parts = connector.split(an_answer("", files=(large, large, PHOTO, voice, PHOTO)))
    assert [len(part.files) for part in parts] == [1, 2, 1, 1]


async def test_a_picture_that_vk_cannot_read_goes_as_a_file(stand: Stand) -> None:
    broken = a_file("кот.jpg", "image/jpeg", "image", b"not a picture")
    await send(stand, an_answer("вот", files=(broken,)))
    assert stand.community.sent[0].files[0].startswith("doc")


async def test_a_file_that_vk_does_not_take_is_refused_in_words(stand: Stand) -> None:
    bad = a_file("virus.exe", "application/x-msdownload", "document")
    assert isinstance(await failure(stand, an_answer(files=(bad,))), Rejected)
    assert stand.community.sent == []


@pytest.mark.parametrize("lost", ["drop_before", "drop_after", "status"])
async def test_an_upload_that_broke_off_may_be_done_again(stand: Stand, lost: Any) -> None:
    stand.vk.go_wrong(Fault(kind=lost, method="upload"))
    answer = an_answer("вот", files=(a_file("a.pdf", "application/pdf", "document"),))
    assert (await failure(stand, answer)).again
    await send(stand, answer)
    assert len(stand.community.sent) == 1


ERRORS = {
    Unreachable: (1, 10, 13, 36, 603),
    Throttled: (6, 9, 29),
    AccountBroken: (5, 7, 8, 14, 15, 17, 27, 28),
    Blocked: (18, 900, 901, 902, 917, 922, 925, 927, 932, 936, 945, 946, 950, 985, 987, 988, 1012),
    Rejected: (100, 910, 911, 912, 913, 914, 921, 940, 943, 944, 77777),
}


@pytest.mark.parametrize(
    ("code", "kind"), [(code, kind) for kind, codes in ERRORS.items() for code in codes]
)
async def test_what_vk_refuses_is_told_apart(stand: Stand, code: int, kind: type[SendError]) -> None:  # fmt: skip
    stand.vk.go_wrong(Fault(kind="error", code=code, description="in VK's words"))
    assert type(await failure(stand, an_answer())).__mro__[0] in {kind, *kind.__subclasses__()}
    assert stand.community.sent == []


@pytest.mark.parametrize(("code", "kind"), [(901, Blocked), (914, Rejected), (9, Throttled)])
def test_a_refusal_of_one_chat_among_many_is_read_alike(code: int, kind: type[SendError]) -> None:
    assert isinstance(refused(Refusal.of({"code": code, "description": "so"})), kind)


async def test_whoever_denied_messages_cannot_be_reached_until_they_allow_them(stand: Stand) -> None:  # fmt: skip
    stand.community.denies(ANNA)
    assert isinstance(await failure(stand, an_answer()), Blocked)
    stand.community.allows(ANNA)
    await send(stand, an_answer())


async def test_flood_control_is_the_chats_and_lasts_minutes(stand: Stand) -> None:
    stand.vk.go_wrong(Fault(kind="error", code=9))
    error = await failure(stand, an_answer())
    assert isinstance(error, Throttled)
    assert (error.scope, error.retry_after >= 60) == ("chat", True)


async def test_a_vk_that_is_down_or_out_of_order_is_asked_again(stand: Stand) -> None:
    stand.vk.go_wrong(Fault(kind="status", status=502))
    assert isinstance(await failure(stand, an_answer()), Unreachable)
    await stand.vk.go_down()
    assert isinstance(await failure(stand, an_answer()), Unreachable)
    await stand.vk.come_back()
    await send(stand, an_answer())


async def test_a_vk_that_hangs_is_not_waited_for(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "ANSWER_S", 0.05)
    stand.vk.go_wrong(Fault(kind="hang_after", method="messages.send"))
    answer = an_answer()
    assert isinstance(await failure(stand, answer), OutcomeUnknown)
    await send(stand, answer)
    assert stand.community.times("Добрый день") == 1


async def test_the_loop_goes_on_while_vk_thinks(stand: Stand) -> None:
    stand.vk.go_wrong(Fault(kind="late", method="messages.send", times=-1, seconds=0.2))
    beats = 0
    async with asyncio.TaskGroup() as group:
        sending = [group.create_task(send(stand, an_answer(str(n)))) for n in range(8)]
        while not all(task.done() for task in sending):
            await asyncio.sleep(0.01)
            beats += 1
    assert len(stand.community.sent) == 8
    assert beats > 10


async def test_vks_limit_is_kept_by_everything_that_calls() -> None:
    async with a_stand(limits=Limits(rate=20)) as stand, asyncio.TaskGroup() as group:
        for number in range(25):
            group.create_task(send(stand, an_answer(str(number))))
            if number % 7 == 0:
                assert connector.show_typing is not None
                group.create_task(connector.show_typing(stand.account, str(ANNA), stand.http))  # type: ignore[arg-type]  # a coroutine
    assert len(stand.community.sent) == 25
    assert (stand.community.meter.refused, stand.community.meter.most <= 20) == (0, True)


async def test_an_account_without_a_token_or_with_a_wrong_one_is_broken(stand: Stand) -> None:
    for token in ("", "два слова", "vk1.a.OTHER"):
        account = an_account(access_token=token, api_base=stand.vk.url)
        with pytest.raises(AccountBroken):
            await call(account, stand.http, "messages.send", {"peer_ids": ANNA})


@pytest.mark.parametrize("base", ["nonsense", "ftp://example.com", "http://"])
async def test_an_address_that_is_none_is_said_to_be_so(stand: Stand, base: str) -> None:
    with pytest.raises(Unreachable):
        await call(an_account(api_base=base), stand.http, "users.get")


async def test_a_chat_that_is_none_of_vks_is_refused(stand: Stand) -> None:
    with pytest.raises(Rejected):
        await send(stand, Outgoing(id=uuid4(), chat="anna", text="Да"))


async def test_typing_is_shown_and_what_was_read_is_marked(stand: Stand) -> None:
    assert connector.show_typing is not None
    assert connector.mark_read is not None
    await connector.show_typing(stand.account, str(ANNA), stand.http)
    await connector.mark_read(stand.account, str(ANNA), stand.http)
    assert stand.community.actions == [(ANNA, "typing"), (ANNA, "read")]


async def test_a_pressed_button_is_answered_once_and_too_late_is_no_harm(stand: Stand) -> None:
    assert connector.acknowledge is not None
    event = stand.community.presses(ANNA, 1, {"a": "yes"})
    callback = f"{ANNA}:{ANNA}:{event['object']['event_id']}"
    await connector.acknowledge(stand.account, callback, stand.http)
    assert stand.community.pressed == {event["object"]["event_id"]: True}
    await connector.acknowledge(stand.account, callback, stand.http)
    with pytest.raises(Rejected):
        await connector.acknowledge(stand.account, "nonsense", stand.http)


async def test_people_and_communities_have_names(stand: Stand) -> None:
    assert connector.describe is not None
    found = await connector.describe(stand.account, [str(ANNA), "-5", "404", "x"], stand.http)
    assert {value: sender.name for value, sender in found.items()} == {
        str(ANNA): "Анна Каренина",
        "-5": "Сообщество 5",
    }


@pytest.mark.parametrize("code", sorted({code for codes in ERRORS.values() for code in codes} - {6, 9, 29, 77777}))  # fmt: skip
def test_what_vk_refuses_is_said_in_russian_too(code: int) -> None:
    said = str(refused(Refusal(code, "words of VK")))
    assert re.search("[а-я]{3}", language("ru").sentence(said))
