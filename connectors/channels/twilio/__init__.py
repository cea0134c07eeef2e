"""Twilio Voice. https://www.twilio.com/docs/voice/twiml, https://www.twilio.com/docs/usage/security

    Twilio asks ─▶ signature ─▶ receive ─┬▶ reports   what happened, as CallReported
                                         └▶ twiml     whom to ring, while the caller waits
    Allo asks   ─▶ rest ─┬▶ calling      click-to-call
                         ├▶ recordings   the files
                         └▶ setup        whether all is arranged, and arranging it

`addresses` holds the URLs that we give Twilio: what a callback will not say by itself (whose call it was) travels in them,
under Twilio's signature.

Facts, with their source:

| what | |
|---|---|
| a request is signed over the full address and the form's fields; JSON over the address with bodySHA256 | Security |
| an inbound call is `completed` also when nobody answered: DialCallStatus and the legs' CallStatus tell | Voice webhooks |
| 15 s for an answer, no second attempt unless the address asks for it (#rc=2&rp=all) | Connection overrides |
| callbacks come in any order; SequenceNumber counts per call, Timestamp is RFC 2822 in UTC | Call resource, StatusCallback |
| a recording belongs to the parent call; its address needs the account's credentials | Recording resource |
"""

from connectors import entrance
from connectors.channels.twilio.calling import dial
from connectors.channels.twilio.receive import receive, reread
from connectors.channels.twilio.recordings import fetch
from connectors.channels.twilio.setup import check, connect
from connectors.connector import Capabilities, Connector, Field, Step

connector = Connector(
    kind="twilio",
    label="Twilio",
    icon="phone",
    identity="phone",
    hint="telephone numbers worldwide",
    steps=(
        Step(
            title="The account's keys",
            text="The console's first page shows the account SID and the primary auth token.",
            link="https://console.twilio.com",
            fields=("account_sid", "auth_token"),
            tries=True,
        ),
        Step(
            title="The number",
            text="Bought at Twilio, with voice. Allo tells Twilio by itself to send its calls here; for that ALLO_PUBLIC_URL must "
            "be an https address.",
            fields=("number",),
            shows="webhook",
        ),
        Step(
            title="Whom to ring",
            text="When the customer is nobody's, or their manager does not answer. Several ring at once.",
            fields=("ring", "ring_seconds"),
        ),
    ),
    first="Call your Twilio number.",
    hook="telephony",
    # Some kilobytes at most; every address it may have been signed with is tried over the whole of it.
    body_limit=1 << 17,
    fields=(
        Field(
            name="account_sid",
            label="Account SID",
            required=True,
            help="AC and 32 characters, on the console's first page",
        ),
        Field(
            name="auth_token",
            label="Auth token",
            secret=True,
            required=True,
            help="The primary one; Twilio signs with it",
        ),
        Field(
            name="signing_key",
            label="Webhook signing key",
            secret=True,
            help="Only when a shared key signs your webhooks instead of the auth token",
        ),
        Field(
            name="number",
            label="Twilio number",
            help="+14155550100: what customers call, and what they see when called from the inbox",
        ),
        Field(
            name="ring",
            label="Whom to ring",
            help="When the customer is nobody's or their colleague does not answer: +14155550101, sip:desk@…, client:…; "
            "several, separated by commas, ring at once. Empty: the call is refused as busy",
        ),
        Field(
            name="sip_domain",
            label="SIP domain",
            help="shop.sip.twilio.com: makes a colleague's extension 101 into sip:101@…",
        ),
        Field(
            name="ring_seconds",
            label="Seconds to ring",
            default="25",
            help="5 to 600; then the next are rung, or the call is over",
        ),
        Field(
            name="record",
            label="Record conversations",
            default="no",
            choices=("no", "yes"),
            help="Ask a lawyer whether people must be told",
        ),
        Field(
            name="webhook_url",
            label="Address as Twilio sees it",
            help="Only when a proxy changes it on the way and hides that",
        ),
        Field(
            name="api_base",
            label="Twilio's API server",
            default="https://api.twilio.com",
            help="A proxy; https://api.dublin.ie1.twilio.com for a region",
        ),
    ),
    entrance=entrance.TELEPHONE,
    capabilities=Capabilities(),
    comes_again=False,
    receive=receive,
    reread=reread,
    dial=dial,
    fetch=fetch,
    check=check,
    connect=connect,
)
