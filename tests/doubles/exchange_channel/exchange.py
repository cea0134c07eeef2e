"""A telephone exchange of no vendor's: it rings whom it is asked to, keeps recordings, and asks who calls.

Loaded among the real channels by `tests.doubles.exchange`; what it was asked, and what it answers, are in `STATE`.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import aiohttp

from connectors.connector import (
    Account,
    Answer,
    Caller,
    Capabilities,
    Connector,
    Enquiry,
    Fetched,
    Field,
    Incoming,
    Received,
    Request,
)
from connectors.errors import SendError, Unverified
from router.message import CallReported, Chat


@dataclass
class State:
    dialled: list[dict[str, str]] = field(default_factory=list)
    error: SendError | None = None
    key: str = "c-1"
    recordings: dict[str, bytes | SendError] = field(default_factory=dict)
    mime: str = "audio/wav"


STATE = State()


def receive(account: Account, request: Request) -> Received:
    """`call`, `phone`, `phase`; with `ask` it wants to know where the call is to go."""
    if request.headers.get("X-Secret") != account["secret"]:
        raise Unverified("no secret", missing=True)
    said = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    event = CallReported(
        key=f"{said['call']}:{said['phase']}",
        chat=Chat(id=said["phone"]),
        at=request.received_at,
        call=said["call"],
        phase=said["phase"],  # type: ignore[arg-type]  # the tests say what a phase is
        theirs=said["phone"],
    )
    return Received(
        incoming=(Incoming(event=event),),
        enquiry=Enquiry(phone=said["phone"], answer=_route) if "ask" in said else None,
    )


def _route(caller: Caller | None) -> Answer:
    if caller is None:
        return Answer(body=b"default")
    return Answer(body=f"{caller.name}={caller.extension}".encode())


async def dial(
    account: Account, *, extension: str, phone: str, initiated: str, http: aiohttp.ClientSession
) -> str:
    STATE.dialled.append({"extension": extension, "phone": phone, "initiated": initiated})
    if STATE.error is not None:
        raise STATE.error
    return STATE.key


async def fetch(account: Account, ref: str, http: aiohttp.ClientSession) -> Fetched:
    found = STATE.recordings[ref]
    if isinstance(found, SendError):
        raise found
    content = found

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return Fetched(chunks=chunks(), name=f"{ref}.wav", mime=STATE.mime)


connector = Connector(
    kind="exchange",
    label="Exchange",
    icon="phone",
    identity="phone",
    hook="telephony",
    fields=(Field(name="secret", label="Secret", secret=True),),
    capabilities=Capabilities(),
    receive=receive,
    dial=dial,
    fetch=fetch,
)
