"""The channels in memory: what was connected a moment ago takes its first event."""

from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.registry import discover
from storage.accounts import add_account
from storage.sealing import Sealer
from tests.conftest import NOON
from workers.account_book import LOOK_AGAIN_S, AccountBook

SECRET = b"s" * 32


async def test_an_account_added_a_moment_ago_is_found(database: AsyncEngine) -> None:
    sealer = Sealer(SECRET)
    book = AccountBook(database, connectors=discover(), sealer=sealer, secret=SECRET)
    await book.load()
    assert book.find("shop") is None

    async with database.begin() as connection:
        await add_account(
            connection,
            kind="telegram",
            slug="shop",
            fields={"token": "123456:TEST", "webhook_secret": "s3cret"},
            secrets=discover()["telegram"].secrets,
            sealer=sealer,
            now=NOON,
        )

    found = await book.look_up("shop")
    assert found is not None
    assert found["webhook_secret"] == "s3cret"
    assert found["mode"] == "polling", "a field that was never set has its default"


async def test_guesses_do_not_ask_the_database_each_time(database: AsyncEngine) -> None:
    book = AccountBook(database, connectors=discover(), sealer=Sealer(SECRET), secret=SECRET)
    assert await book.look_up("nobody") is None
    await database.dispose()
    asked = database.pool.checkedin()

    assert LOOK_AGAIN_S > 0
    assert await book.look_up("nobody") is None
    assert database.pool.checkedin() == asked, (
        "a second guess within the moment opens no connection"
    )
