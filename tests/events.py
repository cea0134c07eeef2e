"""Builders of what comes in: only the facts that matter to a test are spelled out."""

import itertools
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from router.ids import new_id
from router.message import (
    Accepted,
    CallReported,
    Chat,
    ContactShared,
    DeliveryReported,
    Event,
    InboundMessage,
    Key,
    MessageDeleted,
    MessageEdited,
    Sender,
    ServiceEvent,
    SourceKeys,
)
from tests.conftest import NOON

_numbers = itertools.count(1)


def accepted(account: UUID, event: Event, *, channel: str = "telegram") -> Accepted:
    return Accepted(
        id=new_id(),
        account=account,
        channel=channel,
        received_at=event.at + timedelta(seconds=1),
        event=event,
        raw=b"{}",
    )


def a_person(number: int, *keys: Key, name: str = "", channel: str = "telegram") -> Sender:
    return Sender(
        keys=(Key(kind=channel, value=str(number)), *keys), name=name or f"Person {number}"
    )


def a_phone(value: str, *, proved: bool = True) -> Key:
    return Key(kind="phone", value=value, proof="proved" if proved else "claimed")


def a_message(
    *,
    by: Sender | None = None,
    text: str = "hi",
    at: datetime = NOON,
    key: str = "",
    chat: str = "",
    source: SourceKeys | None = None,
    **more: Any,
) -> InboundMessage:
    sender = by or a_person(1)
    key = key or f"update-{next(_numbers)}"
    return InboundMessage(
        key=key,
        chat=Chat(id=chat or sender.keys[0].value),
        at=at,
        sender=sender,
        external_id=more.pop("external_id", f"m:{key}"),
        text=text,
        source=source,
        **more,
    )


def an_edit(of: InboundMessage, text: str, *, later: float = 60) -> MessageEdited:
    return MessageEdited(
        key=f"edit-{next(_numbers)}",
        chat=of.chat,
        at=of.at + timedelta(seconds=later),
        sender=of.sender,
        external_id=of.external_id,
        text=text,
    )


def a_deletion(of: InboundMessage) -> MessageDeleted:
    return MessageDeleted(
        key=f"deletion-{next(_numbers)}",
        chat=of.chat,
        at=of.at + timedelta(seconds=90),
        external_ids=(of.external_id,),
    )


def a_shared_contact(
    by: Sender, *phones: Key, own: bool = True, at: datetime = NOON
) -> ContactShared:
    number = next(_numbers)
    return ContactShared(
        key=f"contact-{number}",
        chat=Chat(id=by.keys[0].value),
        at=at,
        sender=by,
        external_id=f"c:{number}",
        own=own,
        phones=phones,
    )


def a_report(
    external_id: str, state: Any, *, chat: str = "1", at: datetime = NOON
) -> DeliveryReported:
    return DeliveryReported(
        key=f"report-{next(_numbers)}",
        chat=Chat(id=chat),
        at=at,
        external_ids=(external_id,),
        state=state,
    )


def a_service(name: str, *, by: Sender, at: datetime = NOON, **details: Any) -> ServiceEvent:
    return ServiceEvent(
        key=f"service-{next(_numbers)}",
        chat=Chat(id=by.keys[0].value),
        at=at,
        sender=by,
        name=name,
        details=details,
    )


def a_call_report(
    phase: Any,
    *,
    call: str = "c1",
    leg: str = "",
    who: str = "+79161234567",
    after: float = 0,
    at: datetime = NOON,
    key: str = "",
    **more: Any,
) -> CallReported:
    """`who` calls, or is called: "" when the report does not say; `after` seconds."""
    return CallReported(
        key=key or f"call-{next(_numbers)}",
        chat=Chat(id=who or f"call:{call}"),
        at=at + timedelta(seconds=after),
        sender=Sender(keys=(a_phone(who),)) if who else None,
        call=call,
        leg=leg,
        phase=phase,
        theirs=who,
        **more,
    )
