"""Trying the manager user, and what it may see: `allo channel check`. Nothing is changed, and nothing raised."""

from collections.abc import Sequence

import aiohttp

from connectors.channels.asterisk.session import Session, a_session, said
from connectors.connector import Account, Finding
from connectors.errors import SendError
from connectors.outgoing import exchange
from router.clean_text import clean_line


async def check(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    findings: list[Finding] = []
    try:
        async with a_session(account) as session:
            findings.append(await _version(session))
            findings += await _sight(session)
            findings += await _contexts(account, session)
    except SendError as error:
        findings.append(_error(str(error)))
    findings += await _recordings(account, http)
    return findings


async def _version(session: Session) -> Finding:
    told = await session.ask({"Action": "CoreSettings"})
    version = clean_line(told["AsteriskVersion"], limit=60)
    return _ok(f"Asterisk {version} accepts the manager user".replace("  ", " "))


async def _sight(session: Session) -> list[Finding]:
    told = await session.ask({"Action": "CoreShowChannels"})
    if told.response != "Success":
        return [
            _error(
                f"The manager user may not see the channels: {said(told)}. In manager.conf: "
                "read=system,call,agent,dialplan,reporting and write=system,call,originate,reporting"
            )
        ]
    return [_ok("The manager user sees the calls")]


async def _contexts(account: Account, session: Session) -> list[Finding]:
    """Whether the dial plan has them. Not every manager user may ask; what cannot be known is not complained about."""
    findings = []
    inbound = [each.strip() for each in account["inbound_context"].split(",") if each.strip()]
    known = [each for each in inbound if await _exists(session, each)]
    if not known:
        findings.append(
            _warning(
                f"The dial plan has none of the contexts {', '.join(inbound) or '(none set)'}: set inbound_context to where "
                "your trunks' calls begin, or calls from outside are taken for internal ones"
            )
        )
    outbound = account["outbound_context"]
    if outbound and not await _exists(session, outbound):
        findings.append(
            _warning(f"The dial plan has no context {outbound}: calling from the inbox needs it")
        )
    return findings


async def _exists(session: Session, context: str) -> bool:
    told = await session.ask({"Action": "ShowDialPlan", "Context": context})
    return told.response == "Success" or "permission" in told["Message"].lower()


async def _recordings(account: Account, http: aiohttp.ClientSession) -> list[Finding]:
    if not account["recordings_url"]:
        return [_ok("Recordings stay at Asterisk: recordings_url is not set")]
    try:
        reply = await exchange(http, "GET", account["recordings_url"], timeout=10)
    except SendError as error:
        return [_error(f"The recordings' web server: {error}")]
    if reply.status >= 500:
        return [_warning(f"The recordings' web server answers {reply.status}")]
    return [_ok("The recordings' web server answers")]


def _ok(text: str) -> Finding:
    return Finding(level="ok", text=text)


def _warning(text: str) -> Finding:
    return Finding(level="warning", text=text)


def _error(text: str) -> Finding:
    return Finding(level="error", text=text)
