"""Why VK refused, and what to do about it: the table of its errors. https://dev.vk.com/ru/reference/errors

A refusal comes with HTTP 200. Its `request_params` repeat what we sent, the token included, so that only the code and
the message are ever read. A repetition after any of them carries the same random_id, and shows nothing twice.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from connectors.errors import (
    AccountBroken,
    Blocked,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
)
from router.clean_text import clean_line

API_VERSION: Final = "5.199"
VENDOR: Final = "https://api.vk.ru"

FLOOD_S: Final = 180.0
"""Error 9 is about one chat, and passes in minutes (VK says "too much same actions", and no time)."""

RATE_S: Final = 60.0
"""Error 29: a method's own limit. VK counts by the hour and the day, and does not say when it will do."""

FREQUENT_S: Final = 1.0
"""Error 6: 20 calls a second."""


class Refusal(NamedTuple):
    code: int
    words: str = ""

    @classmethod
    def of(cls, told: Any) -> "Refusal":
        """From `error` of a call ({"error_code", "error_msg"}), or of one chat among many ({"code", "description"})."""
        if not isinstance(told, Mapping):
            return cls(0)
        code = told.get("error_code", told.get("code", 0))
        words = told.get("error_msg", told.get("description", ""))
        return cls(
            code if isinstance(code, int) else 0,
            clean_line(words, limit=300) if isinstance(words, str) else "",
        )


class Refused(Rejected):
    """VK will never take this message; with its code, for those who know another way."""

    def __init__(self, reason: str, *, code: int) -> None:
        super().__init__(reason)
        self.code = code


_AGAIN: Final = frozenset({1, 10, 13, 36, 603})
_ACCOUNT: Final = {
    5: "VK does not accept the community's token",
    7: "The token lacks a permission: make one with access to messages, photos, documents and management",
    8: "VK does not accept the kind of token, or its version of the API",
    14: "VK asks for a captcha; sending stops until somebody has looked at the community",
    15: "VK denies access; the token is another community's, or lacks a permission",
    17: "VK asks for a confirmation of the community's owner",
    27: "VK does not accept the community's token",
    28: "VK does not accept the application's token",
}
_UNREACHABLE: Final = {
    18: "The page was deleted or blocked",
    900: "The person is on the community's blacklist",
    901: "The person has not allowed the community to write",
    902: "The person's privacy settings forbid it",
    917: "The community has no access to the chat",
    922: "The community was removed from the chat",
    925: "The community is no administrator of the chat",
    927: "The chat does not exist",
    932: "The community may not write there",
    936: "VK does not know the person",
    945: "The chat is switched off",
    946: "The chat is of a kind that communities may not write in",
    950: "The time for an answer is over",
    985: "The person gets notifications only",
    987: "The person has yet to accept the conversation",
    988: "The person has yet to accept the conversation",
    1012: "Writing in the chat is switched off",
}
"""Nothing reaches the chat until the person writes or allows messages again."""

_REJECTED: Final = {
    100: "VK does not accept part of the message",
    909: "The message is too old to be changed",
    910: "The message is too long",
    911: "VK does not accept the buttons",
    912: "The community's bot features are switched off",
    913: "Too many forwarded messages",
    914: "The message is too long",
    921: "The message cannot be forwarded or answered",
    924: "The message is too old to be deleted for everybody",
    940: "Too many posts in one message",
    943: "VK does not accept the intent",
    944: "VK does not accept the intent",
}


def refused(refusal: Refusal) -> SendError:  # noqa: PLR0911  # a table, a line each
    """The error for what VK said."""
    code = refusal.code
    said = f"VK: {refusal.words} ({code})" if refusal.words else f"VK: error {code}"
    if code == 6:
        return Throttled(retry_after=FREQUENT_S)
    if code == 9:
        return Throttled("VK: too many alike in a short time", retry_after=FLOOD_S, scope="chat")
    if code == 29:
        return Throttled(retry_after=RATE_S)
    if code in _AGAIN:
        return Unreachable(f"VK is out of order: {refusal.words or code}")
    if code in _ACCOUNT:
        return AccountBroken(f"{_ACCOUNT[code]} ({code})")
    if code in _UNREACHABLE:
        return Blocked(f"{_UNREACHABLE[code]} ({code})")
    if code in _REJECTED:
        plain = f"{_REJECTED[code]}: {refusal.words}" if refusal.words else _REJECTED[code]
        said = f"{plain} ({code})"
    return Refused(said, code=code)
