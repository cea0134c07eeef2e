"""A mail that is kept is read again as it was read when it came: with its envelope."""

from pathlib import Path

import pytest

from connectors.channels.email.envelope import Envelope, in_envelope, out_of_envelope
from connectors.channels.email.events import reread, understand
from connectors.channels.email.threading import reply_address
from router.ids import new_id
from tests.conftest import NOON
from tests.connectors.channels.email_world import ACCOUNT, SAMPLES, a_raw

ADDRESSES = [
    "petr@example.org",
    "",
    "иван@почта.рф",
    'a"b\\c@example.org',
    "lone\udcff@example.org",
]


@pytest.mark.parametrize("sender", ADDRESSES)
def test_an_envelope_comes_back_as_it_was_and_so_does_the_mail(sender: str) -> None:
    kept = in_envelope(a_raw(), sender=sender, recipients=["shop@example.com", "магазин@пример.рф"])
    assert kept.count(b"\r\n") == a_raw().count(b"\r\n") + 1
    mail, envelope = out_of_envelope(kept)
    assert (mail, envelope) == (
        a_raw(),
        Envelope(sender, ("shop@example.com", "магазин@пример.рф")),
    )


def test_a_field_that_the_sender_wrote_is_not_the_envelope() -> None:
    forged = in_envelope(a_raw(), sender="boss@example.com", recipients=[])
    kept = in_envelope(forged, sender="petr@example.org", recipients=["shop@example.com"])
    mail, envelope = out_of_envelope(kept)
    assert mail == forged
    assert envelope.sender == "petr@example.org"


@pytest.mark.parametrize("damage", [b"X-Allo-Envelope: {}\r\n", b"X-Allo-Envelope: [1\r\n"])
def test_what_is_no_envelope_is_a_part_of_the_mail(damage: bytes) -> None:
    assert out_of_envelope(damage + a_raw()) == (damage + a_raw(), Envelope())


def test_a_reply_token_of_the_recipient_alone_names_the_same_chat_again() -> None:
    ours = reply_address(ACCOUNT, new_id())
    first = understand(a_raw(), account=ACCOUNT, received_at=NOON, recipients=[ours])
    kept = in_envelope(a_raw(), sender="petr@example.org", recipients=[ours])
    (again,) = reread(ACCOUNT, kept, NOON).incoming
    assert first.event is not None
    assert again.event.chat == first.event.chat
    assert again.raw == kept


@pytest.mark.parametrize("sender", ["petr@example.org", ""])
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.eml"))[::7], ids=lambda path: path.stem)
def test_every_sample_is_read_the_same_again(path: Path, sender: str) -> None:
    raw = path.read_bytes()
    first = understand(
        raw,
        account=ACCOUNT,
        received_at=NOON,
        recipients=["shop@example.com"],
        envelope_from=sender,
    )
    again = reread(ACCOUNT, in_envelope(raw, sender=sender, recipients=["shop@example.com"]), NOON)
    assert [each.event for each in again.incoming] == ([first.event] if first.event else [])
    assert again.ignored == ((first.ignored,) if first.event is None else ())
