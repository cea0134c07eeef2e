"""Click-to-call: Asterisk rings the colleague, and once they have picked up, dials the customer as if they had.

Action Originate, asynchronous. ChannelId is what the call is called from its first event on (measured: the leg's Uniqueid
and the call's Linkedid are this very string); an id in use is refused, so that a repeated request rings nobody twice.
"""

import re
from typing import Final

import aiohttp

from connectors.channels.asterisk.calls import OURS_BEGINS
from connectors.channels.asterisk.session import a_session, refusal
from connectors.connector import Account
from connectors.errors import OutcomeUnknown, Rejected, Unreachable

RINGS_FOR_MS: Final = 30_000

_EXTENSION: Final = re.compile(r"[\w.+*#-]{1,40}")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
"""AST_MAX_UNIQUEID leaves 149 characters; a channel's id shall need no quoting anywhere."""


async def dial(
    account: Account,
    *,
    extension: str,
    phone: str,
    initiated: str,
    http: aiohttp.ClientSession,
) -> str:
    """The call's Linkedid. Raises a SendError."""
    digits = phone.removeprefix("+")
    if _EXTENSION.fullmatch(extension) is None:
        raise Rejected("The colleague's extension is none that Asterisk could ring")
    if not (digits.isascii() and digits.isdecimal()):
        raise Rejected("The number is none that Asterisk could dial")
    if _NAME.fullmatch(initiated) is None:
        raise Rejected("The call's name has characters that a channel's id cannot have")
    call = f"{OURS_BEGINS}{initiated}"
    action = {
        "Action": "Originate",
        "ActionID": call,
        "Channel": account["channel"].replace("{extension}", extension) or f"PJSIP/{extension}",
        "ChannelId": call,
        "Context": account["outbound_context"] or "from-internal",
        "Exten": f"{account['dial_prefix']}{digits}",
        "Priority": "1",
        # What the colleague's own telephone shows; the trunk's number is the dial plan's affair.
        "CallerID": f"<{extension}>",
        "Timeout": str(RINGS_FOR_MS),
        "Async": "true",
    }
    async with a_session(account) as session:
        try:
            answer = await session.ask(action)
        except Unreachable as error:
            raise OutcomeUnknown(f"{error}; it may be ringing") from error
    if answer.response != "Success":
        raise refusal(answer)
    return call
