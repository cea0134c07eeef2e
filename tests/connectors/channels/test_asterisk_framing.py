"""Lines ⇄ messages: however they arrive, whatever is in them, in bounded memory."""

import itertools

import pytest
from hypothesis import given, settings, strategies as st

from connectors.channels.asterisk.framing import LONGEST_MESSAGE, Framer, Message, frame

TWO = b"Event: Hangup\r\nCause-txt: Normal: Clearing\r\nEmpty:\r\nno colon\r\n\r\nResponse: Success\n\n"


def test_a_message_is_lines_until_an_empty_one() -> None:
    first, second = Framer().feed(TWO)
    assert first.event == "Hangup"
    assert first["cause-TXT"] == "Normal: Clearing"
    assert (first["Empty"], first["no colon"], first["absent"]) == ("", "", "")
    assert second.response == "Success"


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, len(TWO))))
def test_it_does_not_matter_how_it_is_cut(cuts: list[int]) -> None:
    framer = Framer()
    ends = [0, *sorted(cuts), len(TWO)]
    pieces = [TWO[start:end] for start, end in itertools.pairwise(ends)]
    found = [message for piece in pieces for message in framer.feed(piece)]
    assert [message.fields for message in found] == [each.fields for each in Framer().feed(TWO)]


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=300))
def test_anything_may_be_in_it(data: bytes) -> None:
    framer = Framer()
    framer.feed(data)
    (message,) = framer.feed(b"\r\n\r\nEvent: Last\r\n\r\n")[-1:]
    assert message.event == "Last"


@pytest.mark.parametrize(
    "long",
    [
        pytest.param(b"Event: " + b"x" * (LONGEST_MESSAGE + 100_000) + b"\r\n\r\n", id="one line"),
        pytest.param(b"Event: x\r\n" + b"Name: value\r\n" * 50_000 + b"\r\n", id="many lines"),
        pytest.param(b"".join(b"N%d: v\r\n" % n for n in range(5000)) + b"\r\n", id="many names"),
    ],
)
def test_what_is_too_long_is_dropped_and_counted_and_the_next_is_read(long: bytes) -> None:
    framer = Framer()
    found: list[Message] = []
    for start in range(0, len(long), 65_536):
        found += framer.feed(long[start : start + 65_536])
        assert len(framer._rest) <= LONGEST_MESSAGE
    found += framer.feed(b"Event: Next\r\n\r\n")
    if "Name: value" not in long.decode():
        assert framer.dropped == 1
    assert found[-1].event == "Next"
    assert all(each.event == "Next" for each in found)


def test_asterisks_words_for_nothing_are_nothing() -> None:
    message = Message({"CallerIDNum": "<unknown>", "UniqueID": "1.2"})
    assert (message["CallerIDNum"], message["Uniqueid"]) == ("", "1.2")


def test_a_value_cannot_become_another_line() -> None:
    assert frame({"Action": "Ping"}) == b"Action: Ping\r\n\r\n"
    with pytest.raises(ValueError, match="line's end"):
        frame({"Exten": "101\r\nAction: Originate"})
