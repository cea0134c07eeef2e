"""The channel log helps, and gives no secret away."""

from datetime import timedelta
from uuid import uuid4

from connectors.channel_log import STRUCK_OUT, ChannelLog, Entry, strike_out
from connectors.connector import Account, Capabilities, Connector, Field
from tests.conftest import NOON

CHANNEL = Connector(
    kind="parrot",
    label="Parrot",
    icon="parrot",
    identity="parrot",
    fields=(Field(name="token", label="Token", secret=True), Field(name="title", label="Title")),
    capabilities=Capabilities(),
)
ACCOUNT = Account(
    id=uuid4(), kind="parrot", slug="p", fields={"token": "123456:SECRET", "title": "Shop"}
)


class Lines:
    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)


def test_secrets_are_struck_out_and_the_rest_stays() -> None:
    lines = Lines()
    log = ChannelLog(lines, lambda: NOON)
    log.note(ACCOUNT, CHANNEL, "call failed", detail="GET /bot123456:SECRET/getMe for Shop")
    assert lines.entries[0].detail == f"GET /bot{STRUCK_OUT}/getMe for Shop"


def test_a_secret_inside_another_leaves_no_rest() -> None:
    assert strike_out("abcdefgh", ["abcd", "abcdefgh"]) == STRUCK_OUT


def test_what_repeats_is_noted_once_in_a_while_with_a_count() -> None:
    lines = Lines()
    now = NOON
    log = ChannelLog(lines, lambda: now)
    for _ in range(5):
        log.note(ACCOUNT, CHANNEL, "refused", level="warning", detail="wrong secret")
    log.note(ACCOUNT, CHANNEL, "refused", level="warning", detail="no secret")
    assert len(lines.entries) == 2
    now = NOON + timedelta(minutes=2)
    log.note(ACCOUNT, CHANNEL, "refused", level="warning", detail="wrong secret")
    assert lines.entries[-1].detail == "wrong secret (and 4 more since 12:00:00)"
