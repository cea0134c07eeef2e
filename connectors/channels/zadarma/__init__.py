"""Zadarma's exchange, and Novofon's: its first API is the same at another address. https://zadarma.com/en/support/api/

In: `reports.receive` for its notifications. Out: `commands`, through the one door `api`: click-to-call and recordings.
`setup` tries the keys. `signing` is what both directions are signed with.

Facts, with their source:

| what | |
|---|---|
| the signature is base64 of the *hexadecimal* HMAC-SHA1, and signs other fields for each event | Zadarma, user-api-v1, lib/Webhook |
| it does not cover what happened, nor to which call: hence `allowed_ips` | the same |
| GET ?zd_echo=… is answered with its value when the address is set | Zadarma, "Webhooks" |
| pbx_call_id is the call, in_… or out_…; call_id_with_rec a recording of it, ready some 40 s after NOTIFY_RECORD | Zadarma, NotifyEnd.php |
| the answer to NOTIFY_START routes the call; an empty one leaves it to the exchange | Zadarma, "NOTIFY_START" |
| moments are in the zone of the account (/v1/info/timezone) | Zadarma, "Methods" |
| a notification that was not taken does not come again, as far as is documented: we keep it by ourselves | Zadarma is silent |
"""

from connectors import entrance
from connectors.channels.zadarma.commands import dial, fetch
from connectors.channels.zadarma.reports import receive, reread
from connectors.channels.zadarma.setup import check
from connectors.connector import Capabilities, Connector, Field, Step
from connectors.moments import TIME_ZONE
from connectors.source_addresses import allowed_ips

connector = Connector(
    kind="zadarma",
    label="Zadarma, Novofon",
    icon="phone",
    identity="phone",
    hint="virtual exchange",
    steps=(
        Step(
            title="Make a key",
            text="At Zadarma: Settings, Integrations and API, Keys and API. The secret is shown once.",
            link="https://my.zadarma.com/api/",
            fields=("api_key", "api_secret"),
            tries=True,
        ),
        Step(
            title="The account's time zone",
            text="As in the account's settings: Zadarma writes moments in it.",
            fields=("timezone",),
        ),
        Step(
            title="Tell Zadarma where Allo is",
            text="Save here first: Zadarma tries the address at once. Then My PBX, Integrations, Notifications of calls: this "
            "address, and all seven of NOTIFY_START to NOTIFY_RECORD switched on.",
            shows="webhook",
        ),
    ),
    first="Call your number.",
    hook="telephony",
    fields=(
        Field(
            name="api_key",
            label="API key",
            secret=True,
            required=True,
            help="Zadarma: Settings, Integrations and API, Keys and API",
        ),
        Field(name="api_secret", label="API secret", secret=True, required=True),
        TIME_ZONE,
        Field(
            name="return_timeout",
            label="Seconds for the customer's own manager",
            default="20",
            help="So long the manager rings before the call goes where it goes otherwise; 0: it stays with them",
        ),
        allowed_ips("185.45.152.42"),
        Field(
            name="api_base",
            label="API server",
            default="https://api.zadarma.com",
            help="Of Novofon's first API: https://api.novofon.com",
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
)
