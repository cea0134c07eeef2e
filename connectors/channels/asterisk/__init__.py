"""Asterisk, by its Manager Interface (AMI). https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Manager-Interface-AMI/

    socket ─▶ framing ─▶ session ─▶ watching ─▶ calls     events → what a person would say of the call
                            ├▶ originate                  click-to-call
                            └▶ setup                      whether all is arranged
    recordings  files from the exchange's disk, over a web server that somebody put in front of them

Facts, measured with Asterisk 16.28 and 22.10 unless said otherwise:

| what | |
|---|---|
| Linkedid is the whole call, also through queues, transfers, and when its first channel is gone; Uniqueid is a leg | |
| that a channel is Up, Cause 16, and a Cdr's billsec > 0 do not mean that anybody answered: being bridged does | |
| who loses the race for a queue's call hangs up with Cause 26; DialEnd and Cdr of one call come several times | |
| nothing is repeated after a reconnect: CoreShowChannels tells what lives, and the rest is over | AMI has no history |
| with ChannelId in Originate, that is the call's Linkedid; OriginateResponse may come before DialEnd | |
| MixMonitor's file is whole after the hang-up; of a call nobody answered it is a WAV header of 44 bytes | |
"""

from connectors import entrance
from connectors.channels.asterisk.originate import dial
from connectors.channels.asterisk.recordings import fetch
from connectors.channels.asterisk.setup import check
from connectors.channels.asterisk.watching import polls, watch
from connectors.connector import Capabilities, Connector, Field, Step

connector = Connector(
    kind="asterisk",
    label="Asterisk",
    icon="phone",
    identity="phone",
    hint="your own exchange",
    steps=(
        Step(
            title="A manager user in Asterisk",
            text="In /etc/asterisk/manager.conf (FreePBX: Settings, Asterisk Manager Users): read = "
            "system,call,agent,dialplan,reporting; write = system,call,originate,reporting; permit only Allo's address. Then, "
            "in Asterisk's console: manager reload.",
        ),
        Step(
            title="Where it is",
            text="Never open the manager's port to the internet. Across a network that is not yours switch on TLS.",
            fields=("host", "port", "tls"),
        ),
        Step(
            title="The user and its secret",
            fields=("username", "secret"),
            tries=True,
        ),
        Step(
            title="Your dial plan",
            text="Where calls from your trunks begin, and where colleagues' telephones dial from. FreePBX's are there already.",
            fields=("inbound_context", "outbound_context", "channel"),
        ),
    ),
    first="Call your number from outside.",
    fields=(
        Field(name="host", label="Asterisk's address", required=True),
        Field(name="port", label="Manager port", default="5038", help="5039 is usual with TLS"),
        Field(
            name="tls",
            label="Encryption to the exchange",
            default="no",
            choices=("no", "yes"),
            help="yes: when Asterisk is not on this machine or in a network of yours",
        ),
        Field(name="username", label="Manager user", required=True, help="As in manager.conf"),
        Field(name="secret", label="Manager secret", secret=True, required=True),
        Field(
            name="inbound_context",
            label="Contexts of your trunks",
            default="from-trunk,from-pstn,from-external",
            help="Where calls from outside begin; several, separated by commas; each also with -anything behind it",
        ),
        Field(
            name="dial_prefix",
            label="Prefix to dial outside",
            help="9, where a colleague dials 9 before a number",
        ),
        Field(
            name="channel",
            label="A colleague's telephone",
            default="PJSIP/{extension}",
            help="What rings first when calling from the inbox: PJSIP/{extension}, SIP/{extension}, Local/{extension}@from-internal",
        ),
        Field(
            name="outbound_context",
            label="Context to dial outside",
            default="from-internal",
            help="Where a colleague's telephone dials from",
        ),
        Field(
            name="recordings_url",
            label="Address of the recordings",
            help="https://pbx.example/monitor/: a web server that shows Asterisk's monitor folder. Empty: recordings stay there",
        ),
        Field(name="recordings_user", label="User for the recordings"),
        Field(name="recordings_password", label="Password for the recordings", secret=True),
    ),
    entrance=entrance.TELEPHONE,
    capabilities=Capabilities(),
    comes_again=False,
    polls=polls,
    watch=watch,
    dial=dial,
    fetch=fetch,
    check=check,
)
