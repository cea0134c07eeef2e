"""Mango Office's virtual exchange. VPBX API 1.9, https://www.mango-office.ru/support/api/

In: `reports.receive` for what the exchange posts to the address with `/events/…` appended, and `catching_up` for the calls
of which nothing came, by `statistics`. Out: `commands`, through the one door `api`: click-to-call and recordings.
`setup` tries key and salt.

Facts, with their source:

| what | |
|---|---|
| forms with vpbx_api_key, sign, json; sign = SHA-256 of key + json as it is written + salt, in hexadecimal | VPBX API, "Signature" |
| entry_id is the call with all its legs and transfers, call_id a leg, seq the order of a leg's events | VPBX API, events/call |
| events may overtake each other; numbers may be written as texts, and have no plus | VPBX API, examples |
| nothing is said about repeating an event that was not taken: we keep it, and ask for what was lost | VPBX API is silent |
| 10 requests a second; two bad ones in two minutes lock the API, which then answers 401 | VPBX API, "Limits" |
| their servers speak TLS 1.2 at most, to us and when we call them | VPBX API, "Requirements" |
"""

from connectors import entrance
from connectors.channels.mango.catching_up import poll, polls
from connectors.channels.mango.commands import dial, fetch
from connectors.channels.mango.reports import receive, reread
from connectors.channels.mango.setup import check
from connectors.connector import Capabilities, Connector, Field, Step
from connectors.source_addresses import allowed_ips

connector = Connector(
    kind="mango",
    label="Mango Office",
    icon="phone",
    identity="phone",
    hint="virtual exchange",
    steps=(
        Step(
            title="Open the API connector",
            text="In the cabinet of Mango Office: Integrations, API connector, Connect. It shows the code of your exchange and "
            "the key for signatures.",
            link="https://lk.mango-office.ru",
            fields=("api_key", "api_salt"),
            tries=True,
        ),
        Step(
            title="Tell Mango where Allo is",
            text="In the API connector, as the address of the external system. Mango adds /events/call and the like by itself. "
            "Switch on the events of calls, summaries and recordings.",
            shows="webhook",
        ),
        Step(
            title="Extensions",
            text="Write each colleague's extension (101, 102…) into their line under People: then calls show who talked.",
        ),
    ),
    first="Call your number.",
    hook="telephony",
    fields=(
        Field(
            name="api_key",
            label="Exchange's code",
            secret=True,
            required=True,
            help="Mango Office, Integrations, API connector: the unique code of your exchange",
        ),
        Field(
            name="api_salt",
            label="Signature's key",
            secret=True,
            required=True,
            help="Beside the code: the key for making signatures",
        ),
        Field(
            name="line_number",
            label="Number shown to customers",
            help="Of calls that colleagues make from Allo; empty: as the exchange decides",
        ),
        Field(
            name="catch_up",
            label="Ask for calls that were not told",
            default="yes",
            choices=("yes", "no"),
            help="yes: every ten minutes the exchange's statistics are asked for them",
        ),
        allowed_ips("81.88.80.132 81.88.80.133 81.88.82.36 81.88.82.44 81.88.82.45"),
        Field(
            name="api_base",
            label="API server",
            default="https://app.mango-office.ru",
            help="A proxy, if this machine cannot reach Mango Office by itself",
        ),
    ),
    entrance=entrance.TELEPHONE,
    capabilities=Capabilities(),
    comes_again=False,
    receive=receive,
    reread=reread,
    polls=polls,
    poll=poll,
    dial=dial,
    fetch=fetch,
    check=check,
)
