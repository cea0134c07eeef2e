"""Files from VK: fetched where they are, asked for anew when their address has expired, and only what is a file."""

from collections.abc import AsyncGenerator

import pytest

from connectors.channels.vk import connector
from connectors.errors import Rejected, SendError, Unreachable
from router.message import InboundMessage
from sandbox.vk import Fault
from tests.connectors.channels.vk_stand import Stand, a_stand
from tests.connectors.channels.vk_world import ANNA, an_event, event_of


@pytest.fixture
async def stand() -> AsyncGenerator[Stand]:
    async with a_stand() as made:
        yield made


def ref_of(stand: Stand, number: int = 0) -> str:
    """The reference of a file of the last message."""
    event = event_of(an_event("message_new", stand.community.log[-1]["object"]))
    assert isinstance(event, InboundMessage)
    return event.attachments[number].ref


async def fetched(stand: Stand, ref: str) -> bytes:
    assert connector.fetch is not None
    found = await connector.fetch(stand.account, ref, stand.http)
    return b"".join([chunk async for chunk in found.chunks])


@pytest.mark.parametrize("kind", ["photo", "document", "voice"])
async def test_a_file_comes_as_it_was_sent(stand: Stand, kind: str) -> None:
    content = kind.encode() * 100_000
    match kind:
        case "photo":
            stand.community.sends_photo(ANNA, content)
        case "document":
            stand.community.sends_document(ANNA, content, name="a.pdf")
        case _:
            stand.community.sends_voice(ANNA, content)
    assert await fetched(stand, ref_of(stand)) == content


async def test_an_expired_address_is_asked_for_anew(stand: Stand) -> None:
    stand.community.sends_document(ANNA, b"old", name="a.pdf")
    ref = ref_of(stand)
    (file,) = stand.community.files.values()
    file.expired = True
    message = max(stand.community.chats[ANNA].messages.items())[1]
    message["attachments"][0]["doc"]["url"] = stand.community.keep(b"fresh", "a.pdf", "application/pdf")  # fmt: skip
    assert await fetched(stand, ref) == b"fresh"
    assert stand.vk.calls == ["messages.getByConversationMessageId"]


async def test_a_file_that_is_gone_is_given_up(stand: Stand) -> None:
    stand.community.sends_document(ANNA, b"x", name="a.pdf")
    ref = ref_of(stand)
    (file,) = stand.community.files.values()
    file.expired = True
    with pytest.raises(Rejected):
        await fetched(stand, ref)
    stand.community.chats[ANNA].messages.clear()
    with pytest.raises(Rejected):
        await fetched(stand, ref)


async def test_a_page_instead_of_a_file_is_no_file(stand: Stand) -> None:
    stand.community.sends_document(ANNA, b"x", name="a.pdf")
    (file,) = stand.community.files.values()
    file.restricted = True
    with pytest.raises(Rejected, match="page"):
        await fetched(stand, ref_of(stand))


@pytest.mark.parametrize("kind", ["status", "drop_after", "drop_before"])
async def test_a_file_that_broke_off_is_fetched_again_later(stand: Stand, kind: str) -> None:
    stand.community.sends_document(ANNA, b"x", name="a.pdf")
    stand.vk.go_wrong(Fault(kind=kind, method="file", times=-1))  # type: ignore[arg-type]  # a table
    with pytest.raises(Unreachable):
        await fetched(stand, ref_of(stand))


@pytest.mark.parametrize(
    "ref",
    [
        "300500:57:0 http://127.0.0.1:1/secret",
        "300500:57:0 http://169.254.169.254/latest/meta-data",
        "300500:57:0 http://[::1]/",
        "300500:57:0 file:///etc/passwd",
        "300500:57:0 nonsense",
        "300500:57:0 ",
        "nonsense",
        "",
    ],
)
async def test_nothing_but_public_addresses_is_called(stand: Stand, ref: str) -> None:
    with pytest.raises(SendError):
        await fetched(stand, ref)
