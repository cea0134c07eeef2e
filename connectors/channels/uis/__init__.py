"""UIS and CoMagic: telephony with call tracking. https://comagic.github.io/, https://www.uiscom.ru/academiya/

In: `reports.receive` for HTTP notifications, whose bodies the customer writes from a template: ours is in
`docs/channels/uis.md`, and its names are in `template`; and for the question of a scenario's "interactive processing",
who calls. Out: `call_api`, with click-to-call; `recordings`. `colleagues` tells extensions and employees' ids apart.

Facts, with their source:

| what | |
|---|---|
| a notification has the address, the method and the body that the customer writes, with {{placeholders}}; no signature | UIS help, "HTTP notifications" |
| so the proof is a secret in the address, and `allowed_ips` | ours |
| call_session_id is the call; it was lost when is_lost says so, or when nobody talked: not by finish_reason | Data API, get.calls_report |
| a scenario's question is a GET or POST with numa, numb, cdr_id; the answer names phones, or a branch | UIS help, "Interactive processing" |
| Call API: JSON-RPC 2.0, a permanent key, and only from addresses listed in the account | Call API v4.0 |
| nothing is said about repeating a notification that was not taken: we keep it by ourselves | UIS is silent |
"""

from connectors import entrance
from connectors.channels.uis.call_api import check, dial
from connectors.channels.uis.recordings import fetch
from connectors.channels.uis.reports import receive, reread
from connectors.connector import Capabilities, Connector, Field, Step
from connectors.moments import TIME_ZONE
from connectors.source_addresses import allowed_ips

connector = Connector(
    kind="uis",
    label="UIS, CoMagic",
    icon="phone",
    identity="phone",
    hint="virtual exchange, call tracking",
    steps=(
        Step(
            title="A secret for the address",
            text="It is the only proof that UIS calls: do not show the address around. Allo has thought of one.",
            fields=("path_secret",),
        ),
        Step(
            title="Make the notifications",
            text="In the cabinet of UIS, HTTP notifications: method POST, format JSON, this address. The bodies to paste are in "
            "docs/channels/uis.md; incoming, talking, ended and lost are the least.",
            link="https://app.uiscom.ru",
            shows="webhook",
        ),
        Step(
            title="Calling from Allo",
            text="Only if you want it: a permanent key of a user who may use the Call API, and the address of this server in the "
            "API's settings.",
            fields=("access_token", "virtual_phone_number"),
            tries=True,
        ),
        Step(
            title="Who is who",
            text="UIS knows colleagues by an id, Allo by their extension.",
            fields=("employees", "timezone"),
        ),
    ),
    first="Call your number.",
    address_ends="path_secret",
    hook="telephony",
    fields=(
        Field(
            name="path_secret",
            label="Secret in the address",
            secret=True,
            required=True,
            made_up=True,
            help="A word of your own, 16 characters or more: it ends the address that notifications go to",
        ),
        Field(
            name="access_token",
            label="API key",
            secret=True,
            help="Permanent, of a user who may use the Call API; for calling from Allo. Empty: no calling",
        ),
        Field(
            name="virtual_phone_number",
            label="Number shown to customers",
            help="One of your virtual numbers, of calls that colleagues make from Allo",
        ),
        Field(
            name="employees",
            label="Who has which extension",
            help="extension=employee's id, or extension=id=phone, with spaces between: 101=8031 102=8032=79031234567",
        ),
        TIME_ZONE,
        allowed_ips(),
        Field(
            name="api_base",
            label="Call API server",
            default="https://callapi.uiscom.ru",
            help="Or https://callapi.comagic.ru",
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
