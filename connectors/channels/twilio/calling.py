"""Click-to-call: Twilio rings the colleague, and once they have picked up, the customer.

https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource. What to do is sent along as TwiML, so that the
call does not depend on our being reachable a moment later. Where its callbacks go is asked of Twilio, too: the number's own
address, which `connect` has set.
"""

import aiohttp

from connectors.channels.twilio import rest, twiml
from connectors.channels.twilio.addresses import Whose, address
from connectors.channels.twilio.setup import Number, find_number
from connectors.connector import Account
from connectors.errors import OutcomeUnknown, Rejected
from router.clean_text import clean_line


async def dial(
    account: Account,
    *,
    extension: str,
    phone: str,
    initiated: str,
    http: aiohttp.ClientSession,
) -> str:
    """The call's sid. Raises a SendError."""
    if not account["number"]:
        raise Rejected("Set `number`: Twilio calls from one of the account's numbers only")
    to = twiml.target_of(account, extension)
    if not to:
        raise Rejected(
            f"Twilio cannot ring the extension {clean_line(extension, limit=40)}: "
            "it takes a telephone number, sip:… or client:…, or set `sip_domain`"
        )
    base = await _base(account, http)
    whose = Whose(phone=phone, extension=extension, direction="out", initiated=initiated)
    made = await rest.post(
        account,
        http,
        "/Calls.json",
        [
            ("To", to),
            ("From", account["number"]),
            ("Twiml", twiml.connect_to(account, whose, base=base)),
            ("Timeout", "60"),
            ("StatusCallback", address(base, "status", whose)),
            ("StatusCallbackMethod", "POST"),
            *(("StatusCallbackEvent", each) for each in twiml.EVENTS.split()),
        ],
    )
    sid = made.get("sid")
    if not isinstance(sid, str) or not sid:
        raise OutcomeUnknown("Twilio took the call and told no sid")
    return sid


async def _base(account: Account, http: aiohttp.ClientSession) -> str:
    """Our own address as Twilio knows it. Raises a SendError."""
    if account["webhook_url"]:
        return account["webhook_url"].rstrip("/")
    number: Number | None = await find_number(account, http)
    if number is None:
        raise Rejected(f"The Twilio account has no number {account['number']}")
    called = number.voice_url.partition("?")[0].partition("#")[0].rstrip("/")
    if not called.endswith(f"/hooks/telephony/{account.slug}"):
        raise Rejected(
            "Twilio does not send this number's calls to Allo, so nobody would learn how the call went; "
            f"see `allo channel check {account.slug}`"
        )
    return called
