"""Why a channel and we could not understand each other, and whether trying again helps.

ReceiveError                     judged in connectors/webhook.py and the other ways in
├── Unverified        401/403    did not prove its origin; counted, never stored
├── Malformed         400        proved, but not what the platform sends
└── TooLarge          413        more than the platform ever sends
SendError                        judged in workers/deliver.py
├── Throttled         again      after `retry_after` seconds, for this chat or the whole account
├── Unreachable       again      the request did not reach the platform, or it said 5xx: surely not sent
├── OutcomeUnknown    never      the request went out and no answer came: it may have been sent
├── ChatMoved         again      at once, to the chat id it names
├── Rejected          never      this message; the reason is for the manager
├── Blocked           never      the person does not want our messages until they write again
├── WindowClosed      never      the platform's reply window is over
└── AccountBroken     never      credentials refused: the channel stops until a person mends it
"""

from typing import Literal


class ReceiveError(Exception):
    """Base of what is wrong with something that came in. The text is for our log, never for the sender."""


class Unverified(ReceiveError):
    """The request did not prove that it comes from the platform."""

    def __init__(self, reason: str, *, missing: bool = False) -> None:
        super().__init__(reason)
        self.missing = missing
        """True: no proof at all (401); False: a wrong one (403)."""


class Malformed(ReceiveError):
    """The request is genuine, but its body is not what the platform sends."""


class TooLarge(ReceiveError):
    """The body is larger than the platform ever sends."""


class SendError(Exception):
    """Base of what can go wrong when we call a platform. The text is a sentence for the manager."""

    again = False


class Throttled(SendError):
    """The platform asks us to slow down."""

    again = True

    def __init__(
        self, reason: str = "", *, retry_after: float, scope: Literal["chat", "account"] = "account"
    ) -> None:
        super().__init__(reason or f"The platform asked to wait {retry_after:g} s")
        self.retry_after = retry_after
        self.scope = scope


class Unreachable(SendError):
    """The platform could not be reached or answered that it is out of order; nothing was sent."""

    again = True


class OutcomeUnknown(SendError):
    """The request went out, and no answer came back: it may or may not have been sent."""


class ChatMoved(SendError):
    """The chat has a new id."""

    again = True

    def __init__(self, to: str) -> None:
        super().__init__(f"The chat moved to {to}")
        self.to = to


class Rejected(SendError):
    """The platform will never take this message."""


class Blocked(Rejected):
    """The person blocked us, left, or was deactivated."""


class WindowClosed(Rejected):
    """The platform allows no free reply any more."""


class AccountBroken(SendError):
    """The platform refuses our credentials."""
