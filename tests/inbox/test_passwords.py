"""A password costs the same whether the person exists or not."""

from argon2 import PasswordHasher

from inbox import passwords
from inbox.passwords import hash_password, one_time_password, password_matches


async def test_a_password_matches_its_own_hash_and_no_other() -> None:
    kept = await hash_password("correct horse battery")
    assert await password_matches(kept, "correct horse battery")
    assert not await password_matches(kept, "correct horse batter")
    assert not await password_matches(kept, "x" * 1000)
    assert not await password_matches("no hash at all", "correct horse battery")


async def test_nobody_is_checked_at_the_cost_of_everybody_else_and_never_let_in() -> None:
    assert not PasswordHasher().check_needs_rehash(passwords._NOBODYS)
    assert not await password_matches("", "")
    assert not await password_matches("", "anything")


async def test_a_one_time_password_can_be_read_out() -> None:
    given = {one_time_password() for _ in range(100)}
    assert len(given) == 100
    assert not set("".join(given)) & set("0O1lI")
