"""Calls from any exchange, over a callback of our own: whatever can make an HTTPS request can tell Allo about a call.

    POST /hooks/telephony/{slug}, Allo-Signature ─▶ signature ─▶ reports ─▶ receive: what was taken, what was wrong with
                                                                            the rest, and whose customer calls
    click-to-call: calling posts to an address of the exchange's, signed in the same way

The contract is docs/channels/call-hook.md, with a client that the tests run; `reports.Report` is its schema.
"""

from connectors import entrance
from connectors.channels.call_hook.calling import dial
from connectors.channels.call_hook.receive import receive, reread
from connectors.channels.call_hook.recordings import fetch
from connectors.channels.call_hook.setup import check
from connectors.connector import Capabilities, Connector, Field, Step

connector = Connector(
    kind="call_hook",
    label="Telephony by callback",
    icon="phone",
    identity="phone",
    hint="an exchange Allo does not know",
    steps=(
        Step(
            title="A secret to sign with",
            text="Allo has thought of one: give it to whoever looks after the exchange.",
            fields=("secret",),
        ),
        Step(
            title="Where the exchange reports calls",
            text="A POST with JSON, signed with the secret. docs/channels/call-hook.md has a whole client in twenty lines.",
            shows="webhook",
        ),
        Step(
            title="Calling from Allo",
            text="Only if you want it: an address of yours that makes the exchange dial.",
            fields=("dial_url",),
        ),
    ),
    first="Let the exchange report a call.",
    hook="telephony",
    fields=(
        Field(
            name="secret",
            label="Secret",
            secret=True,
            required=True,
            made_up=True,
            help="A long random word; your exchange signs with it. Two, separated by a space, while you change it",
        ),
        Field(
            name="dial_url",
            label="Address that dials",
            help="https://pbx.example/dial: Allo posts there, signed, when a colleague calls from the inbox. Empty: nobody can",
        ),
        Field(
            name="recordings_base",
            label="Where recordings are",
            help="https://pbx.example/rec/: recordings below it are fetched wherever it is. Others only from public addresses",
        ),
        Field(name="recordings_user", label="User for the recordings"),
        Field(name="recordings_password", label="Password for the recordings", secret=True),
    ),
    entrance=entrance.TELEPHONE,
    capabilities=Capabilities(),
    # Who calls may be one line in a dial plan, which tries once.
    comes_again=False,
    receive=receive,
    reread=reread,
    dial=dial,
    fetch=fetch,
    check=check,
)
