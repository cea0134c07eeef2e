"""Real payloads from public test suites: each becomes an event, or says why it is of no interest."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from connectors.channels.telegram.updates import read_update
from router.message import Accepted, InboundMessage
from router.wire import decode_event, encode_event
from tests.connectors.channels.telegram_world import NOON, an_account

FOLDER = Path(__file__).parents[1] / "payloads" / "telegram"
SAMPLES = sorted(FOLDER.glob("*/*.json"))


def as_update(sample: dict[str, Any]) -> dict[str, Any]:
    """Some samples are parts of updates."""
    if "update_id" in sample:
        return sample
    kind = "message"
    if "new_reaction" in sample:
        kind = "message_reaction"
    elif "reactions" in sample:
        kind = "message_reaction_count"
    return {"update_id": 5, kind: sample}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_sample_becomes_an_event_or_says_why_not(path: Path) -> None:
    update = as_update(json.loads(path.read_text()))
    read = read_update(an_account(), json.dumps(update).encode(), NOON)
    assert (read.event is None) == bool(read.ignored)
    if read.event is not None:
        account = an_account().id
        accepted = Accepted(
            id=account, account=account, channel="telegram", received_at=NOON, event=read.event
        )
        assert decode_event(encode_event(accepted)) == accepted


def test_hardly_a_sample_is_ignored_and_few_are_unsupported() -> None:
    outcomes: Counter[str] = Counter()
    for path in SAMPLES:
        update = as_update(json.loads(path.read_text()))
        read = read_update(an_account(), json.dumps(update).encode(), NOON)
        if isinstance(read.event, InboundMessage) and read.event.kind == "unsupported":
            outcomes["unsupported"] += 1
        else:
            outcomes["ignored" if read.event is None else "read"] += 1
    # 3 boosts and totals of reactions, 1 more of these as a part; gifts, stories, giveaways, games, empty messages.
    assert outcomes == {"read": 112, "unsupported": 17, "ignored": 4}
