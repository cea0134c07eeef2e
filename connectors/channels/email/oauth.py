"""Signing in with a token instead of a password (XOAUTH2), the same for reading and for sending.

The account keeps a refresh token, which a person obtains once in the provider's console; for every connection it is
exchanged for an access token (RFC 6749 §6), which lives an hour or so and is kept nowhere.

Token endpoints: Google Identity, "Refreshing an access token"; Yandex ID, "Refresh token"; Mail.ru OAuth. Another
provider's is set in `oauth_token_url`. Mail.ru wants no client secret, and Google's desktop clients take an empty one.
"""

from typing import Final

import aiohttp
import msgspec

from connectors.connector import Account
from connectors.errors import AccountBroken, OutcomeUnknown, Unreachable
from connectors.outgoing import exchange
from router.clean_text import clean_line

ENDPOINTS: Final = {
    "gmail.com": "https://oauth2.googleapis.com/token",
    "googlemail.com": "https://oauth2.googleapis.com/token",
    "yandex.ru": "https://oauth.yandex.ru/token",
    "yandex.com": "https://oauth.yandex.com/token",
    "mail.ru": "https://oauth.mail.ru/token",
    "office365.com": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
}


class _Answer(msgspec.Struct):
    access_token: str = ""
    error: str = ""
    error_description: str = ""


def by_token(account: Account) -> bool:
    return bool(account["oauth_refresh_token"])


async def access_token(account: Account, http: aiohttp.ClientSession) -> str:
    """Raises AccountBroken: the refresh token is no good any more; Unreachable: ask again."""
    url = _endpoint(account)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": account["oauth_refresh_token"],
        "client_id": account["oauth_client_id"],
    }
    if account["oauth_client_secret"]:
        form["client_secret"] = account["oauth_client_secret"]
    try:
        reply = await exchange(http, "POST", url, data=form, timeout=20, limit=1 << 20)
    except OutcomeUnknown as error:
        # A token more or less changes nothing: it may be asked for again.
        raise Unreachable(f"No access token: {error}") from error
    try:
        answer = msgspec.json.decode(reply.body, type=_Answer)
    except msgspec.DecodeError as error:
        raise Unreachable(f"No access token: the provider answered {reply.status}") from error
    if reply.status == 200 and answer.access_token:
        return answer.access_token
    words = clean_line(answer.error_description or answer.error, limit=300)
    if 400 <= reply.status < 500 and reply.status not in {408, 429}:
        raise AccountBroken(
            f"The provider gives no access token ({words or reply.status}); "
            "obtain a new refresh token and set oauth_refresh_token"
        )
    raise Unreachable(f"No access token: the provider answered {reply.status} {words}".strip())


def _endpoint(account: Account) -> str:
    if account["oauth_token_url"].strip():
        return account["oauth_token_url"].strip()
    for name in ("imap_host", "smtp_host"):
        host = account[name].strip().lower()
        for domain, url in ENDPOINTS.items():
            if host == domain or host.endswith(f".{domain}"):
                return url
    raise AccountBroken("Which provider gives the access tokens is not known: set oauth_token_url")
