"""`allo channel check` of an account: both servers are really asked, and what is wrong is said in words."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import aiohttp

from connectors.channels.email.authentication import accepted_servers, authserv_id_of, is_one_of
from connectors.channels.email.headers import read_headers
from connectors.channels.email.imap.connecting import connected
from connectors.channels.email.oauth import by_token
from connectors.channels.email.sending import NO_SERVER, smtp_session
from connectors.channels.email.threading import our_address
from connectors.connector import Account, Finding
from connectors.errors import AccountBroken, SendError

NEWEST: Final = 20
"""Mails whose headers are looked at for the receiving server's name."""
_HINT: Final = "Gmail, Yandex and Mail.ru want an app password, not the account's own"


async def check(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    match account["mode"]:
        case "imap":
            findings = await _reading(account, http)
        case "hook":
            findings = _posted(account, webhook_url)
        case _:
            findings = [_listening(account)]
    return [*findings, _sender(account), await _sending(account, http)]


async def _reading(account: Account, http: aiohttp.ClientSession) -> list[Finding]:
    try:
        async with connected(account, http) as connection:
            mailbox = connection.mailbox
            heads = await connection.do(mailbox.newest_heads, NEWEST)
            idles = mailbox.idles and account["imap_idle"] != "no"
    except AccountBroken as error:
        hint = "" if by_token(account) else f". {_HINT}"
        return [_error(f"{error}{hint}")]
    except SendError as error:
        return [_error(f"{error}. Check imap_host, imap_port and imap_tls")]
    secured = "not encrypted" if mailbox.tls == "none" else "encrypted"
    since = f", of which those since {mailbox.since} are read" if mailbox.since else ""
    news = "tells of new mail at once" if idles else "is asked for new mail every half minute"
    return [
        _ok(
            f"{mailbox.host} answers, {secured}, and {news}; "
            f"{mailbox.exists} mails in {mailbox.folder}{since}"
        ),
        _proof(account, heads),
    ]


def _proof(account: Account, heads: Sequence[bytes]) -> Finding:
    """Compares `authserv_id` with what the receiving server really writes into the newest mails."""
    written = Counter(
        filter(None, (authserv_id_of(read_headers(head, 0, len(head))[0]) for head in heads))
    )
    ours = accepted_servers(account["authserv_id"])
    seen = ", ".join(name for name, _ in written.most_common(5))
    if not ours:
        learn = (
            f"; the newest mails were checked by {seen}: if that is your provider, set authserv_id"
            if seen
            else ""
        )
        return _warning(f"No sender is proved, because authserv_id is not set{learn}")
    if seen and not any(is_one_of(name, ours) for name in written):
        return _warning(
            f"authserv_id is {account['authserv_id']}, but the newest mails were checked by {seen}: "
            "no sender is proved"
        )
    return _ok(f"Senders are proved when {account['authserv_id']} says so")


def _posted(account: Account, webhook_url: str) -> list[Finding]:
    if account["hook_signing_key"]:
        proof = "who posts has to sign with hook_signing_key"
    elif account["hook_password"]:
        proof = "who posts has to give hook_password, as in https://allo:password@…"
    else:
        return [
            _error(
                "Nobody can prove to be the provider, so nothing is taken: set hook_signing_key "
                "(Mailgun, SendGrid) or hook_password"
            )
        ]
    return [
        _ok(
            f"Takes mail at {webhook_url}/mailgun/mime, {webhook_url}/sendgrid and "
            f"{webhook_url}/raw; {proof}"
        )
    ]


def _listening(account: Account) -> Finding:
    address = account["address"].strip()
    if account["authserv_id"].strip():
        proof = f"senders are proved when {account['authserv_id']} says so"
    else:
        proof = (
            "no sender is proved, because authserv_id (the receiving server's name in "
            "Authentication-Results) is not set"
        )
    taken = f"mail for {address}" if address else "all mail that is nobody else's"
    return _ok(f"Takes {taken} from the SMTP listener; {proof}")


def _sender(account: Account) -> Finding:
    ours = our_address(account)
    if ours:
        return _ok(f"Answers are sent from {ours}")
    return _warning("No address is set: nothing can be sent until it is")


async def _sending(account: Account, http: aiohttp.ClientSession) -> Finding:
    host = account["smtp_host"].strip()
    if not host:
        return _warning(NO_SERVER)
    try:
        async with smtp_session(account, http) as server:
            user = account["smtp_user"] or (our_address(account) if by_token(account) else "")
            signed_in = f", signed in as {user}" if user else ""
            secured = "encrypted" if server.get_transport_info("sslcontext") else "not encrypted"
            return _ok(f"{host} answers, {secured}{signed_in}: answers can leave")
    except AccountBroken as error:
        return _error(f"{error}" if by_token(account) else f"{error}. {_HINT}")
    except SendError as error:
        return _error(f"{error}. Check smtp_host, smtp_port and smtp_tls")


def _ok(text: str) -> Finding:
    return Finding(level="ok", text=text)


def _warning(text: str) -> Finding:
    return Finding(level="warning", text=text)


def _error(text: str) -> Finding:
    return Finding(level="error", text=text)
