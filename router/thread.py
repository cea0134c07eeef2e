"""A conversation as its customer may see it, on a channel that is its own platform (the site chat): never a note."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from router.message import MessageKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadFile:
    id: UUID
    kind: MessageKind
    name: str
    mime: str
    size: int | None
    sha256: str
    """"" while it is still being fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadMessage:
    """`state` of an answer is its delivery's; of the customer's own, "delivered", or "read" once a colleague has read it."""

    id: UUID
    seq: int
    direction: Literal["in", "out"]
    kind: MessageKind
    text: str
    author: str
    """The colleague's name for an answer; "" for the customer's own."""
    external_id: str
    sent_at: datetime
    edited: bool
    deleted: bool
    state: str
    files: tuple[ThreadFile, ...] = ()
