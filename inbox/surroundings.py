"""What the pages may use of the rest of Allo; the composition root fills it in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Literal, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.call_desk import CallDesk
from inbox.channel_desk import ChannelDesk
from inbox.dead_letter_desk import DeadLetterDesk
from inbox.desk import Desk
from inbox.house import House
from inbox.live_hub import LiveHub
from inbox.spend_desk import SpendDesk
from inbox.webhook_desk import WebhookDesk
from storage.media import MediaStore


class TypingNotice(Protocol):
    def say(self, conversation: UUID, *, by: UUID) -> None:
        """`by` writes an answer there, which the customer may see. Does not wait, and may be said as often as one likes."""

    def look(
        self, conversation: UUID, *, by: UUID, what: Literal["looks", "writes", "left"]
    ) -> None:
        """`by` has it before them, for colleagues to see. As above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    engine: AsyncEngine
    desk: Desk
    channels: ChannelDesk
    dead_letters: DeadLetterDesk
    telephone: CallDesk
    typing: TypingNotice
    webhooks: WebhookDesk
    spend: SpendDesk
    media: MediaStore
    hub: LiveHub
    now: Callable[[], datetime]
    secret: bytes
    """32 bytes of the installation; keys are derived from it, one per purpose."""
    public_url: str
    time_zone: str = "Europe/Moscow"
    language: str = "ru"
    house: House = field(default_factory=House)
    smtp_listen: str = ""
    """Where mail is taken, for whoever wants to try it; "": nowhere, or it is not known here."""

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    def key(self, purpose: str) -> bytes:
        return blake2b(purpose.encode(), key=self.secret, digest_size=32).digest()
