"""Sealed credentials: what opens them, and what must not."""

import os

import pytest
from hypothesis import given, strategies

from storage.sealing import Damaged, Sealer, WrongKey

OLD, NEW = os.urandom(32), os.urandom(32)


@given(strategies.dictionaries(strategies.text(max_size=20), strategies.text(max_size=200)))
def test_what_was_sealed_comes_back(fields: dict[str, str]) -> None:
    sealer = Sealer(NEW)
    assert sealer.unseal_fields(sealer.seal_fields(fields, context=b"a"), context=b"a") == fields


def test_nothing_of_a_credential_is_readable_and_no_two_boxes_are_alike() -> None:
    sealer = Sealer(NEW)
    box = sealer.seal_fields({"token": "12345:secret"}, context=b"a")
    assert b"secret" not in box
    assert b"token" not in box
    assert sealer.seal_fields({"token": "12345:secret"}, context=b"a") != box


def test_a_box_opens_only_where_it_belongs() -> None:
    sealer = Sealer(NEW)
    box = sealer.seal(b"secret", context=b"the first account")
    assert sealer.unseal(box, context=b"the first account") == b"secret"
    with pytest.raises(Damaged):
        sealer.unseal(box, context=b"another account")


def test_a_wrong_key_is_called_so_and_says_what_to_do() -> None:
    box = Sealer(OLD).seal(b"secret", context=b"a")
    with pytest.raises(WrongKey, match="ALLO_SECRET_KEY"):
        Sealer(NEW).unseal(box, context=b"a")


@pytest.mark.parametrize("place", range(45))
def test_a_changed_byte_is_noticed_wherever_it_is(place: int) -> None:
    box = bytearray(Sealer(NEW).seal(b"credential!!", context=b"a"))
    assert len(box) == 45
    box[place] ^= 1
    with pytest.raises((Damaged, WrongKey)):
        Sealer(NEW).unseal(bytes(box), context=b"a")


@pytest.mark.parametrize("length", [0, 1, 16, 17, 32])
def test_a_box_cut_off_is_noticed(length: int) -> None:
    box = Sealer(NEW).seal(b"secret", context=b"a")
    with pytest.raises(Damaged):
        Sealer(NEW).unseal(box[:length], context=b"a")


def test_the_secret_key_can_be_changed_box_by_box() -> None:
    box = Sealer(OLD).seal(b"secret", context=b"a")
    changing = Sealer(NEW, OLD)
    assert not changing.is_current(box)

    again = changing.seal(changing.unseal(box, context=b"a"), context=b"a")

    assert changing.is_current(again)
    assert Sealer(NEW).unseal(again, context=b"a") == b"secret"


def test_a_channel_without_credentials_has_nothing_to_lose_with_the_key() -> None:
    assert Sealer(OLD).seal_fields({}, context=b"a") == b""
    assert Sealer(NEW).unseal_fields(b"", context=b"a") == {}
