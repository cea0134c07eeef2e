"""`allo channel check` and connecting: what works, what does not, and what to do about it, in words."""

from collections.abc import Sequence

import pytest

from connectors.channels.telegram import connector
from connectors.connector import Finding
from sandbox.telegram import Fault
from sandbox.telegram.world import Webhook
from tests.connectors.channels.telegram_stand import Stand, a_stand
from tests.connectors.channels.telegram_world import SECRET, TOKEN, an_account

HOOK = "https://allo.example.com/hooks/telegram/shop"


async def checked(stand: Stand, webhook_url: str = HOOK) -> Sequence[Finding]:
    assert connector.check is not None
    return await connector.check(stand.account, stand.http, webhook_url=webhook_url)


async def connected(stand: Stand, webhook_url: str = HOOK) -> Sequence[Finding]:
    assert connector.connect is not None
    return await connector.connect(stand.account, stand.http, webhook_url=webhook_url)


def worst(findings: Sequence[Finding]) -> str:
    return min((finding.level for finding in findings), key=["error", "warning", "ok"].index)


async def test_connecting_a_webhook_sets_it_with_its_secret_and_loses_nothing() -> None:
    async with a_stand(mode="webhook") as stand:
        findings = await connected(stand)
        assert worst(findings) == "ok"
        assert stand.bot.webhook is not None
        assert (stand.bot.webhook.url, stand.bot.webhook.secret) == (HOOK, SECRET)
        assert len(stand.bot.pending) == 1
        assert stand.bot.allowed >= {"message", "message_reaction", "chat_member"}


async def test_checking_changes_nothing_and_says_where_messages_go() -> None:
    async with a_stand(mode="webhook") as stand:
        before = await checked(stand)
        assert (worst(before), stand.bot.webhook) == ("warning", None)
        assert "@shop_bot" in before[0].text
        stand.bot.pending.clear()
        stand.bot.webhook = Webhook(HOOK)
        assert worst(await checked(stand)) == "ok"
        stand.bot.webhook = Webhook("https://elsewhere.example/")
        assert any("elsewhere" in finding.text for finding in await checked(stand))
        stand.bot.webhook = Webhook(HOOK, last_error="Wrong response from the webhook: 502")
        assert any("502" in finding.text for finding in await checked(stand))


async def test_connecting_for_polling_removes_the_webhook_and_loses_nothing() -> None:
    async with a_stand(mode="polling") as stand:
        stand.bot.webhook = Webhook("http://127.0.0.1:9/")
        assert worst(await checked(stand)) == "warning"
        assert worst(await connected(stand, "")) == "ok"
        assert (stand.bot.webhook, len(stand.bot.pending)) == (None, 1)


@pytest.mark.parametrize(
    ("fields", "webhook_url", "words"),
    [
        ({"webhook_secret": ""}, HOOK, "webhook_secret"),
        ({"webhook_secret": "секрет"}, HOOK, "A-Z"),
        ({}, "", "ALLO_PUBLIC_URL"),
        ({"api_base": ""}, "http://allo.example.com/hooks/telegram/shop", "https"),
        ({"api_base": ""}, "https://allo.example.com:9443/hooks/telegram/shop", "8443"),
        ({"api_base": ""}, "https://allo.example.com:99999/hooks", "8443"),
    ],
)
async def test_a_webhook_that_cannot_work_is_not_set(
    fields: dict[str, str], webhook_url: str, words: str
) -> None:
    async with a_stand(mode="webhook") as stand:
        assert connector.connect is not None
        account = an_account(**{"mode": "webhook", "api_base": stand.telegram.url} | fields)
        (finding,) = await connector.connect(account, stand.http, webhook_url=webhook_url)
        assert finding.level == "error"
        assert words in finding.text
        assert "setWebhook" not in stand.telegram.calls


@pytest.mark.parametrize("status", [401, 404, 429, 500])
async def test_trouble_is_a_finding_and_no_exception(status: int) -> None:
    async with a_stand(mode="webhook") as stand:
        for ask in (checked, connected):
            stand.telegram.go_wrong(Fault(kind="answer", status=status, description="Not today"))
            findings = await ask(stand)
            assert worst(findings) == "error"
            assert all(TOKEN not in finding.text for finding in findings)


async def test_a_telegram_that_is_not_there_is_a_finding() -> None:
    async with a_stand(mode="webhook") as stand:
        await stand.telegram.go_down()
        (finding,) = await checked(stand)
    assert (finding.level, "accept connections" in finding.text) == ("error", True)
