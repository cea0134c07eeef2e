"""The addresses that we give Twilio to call back: which callback it is, and whose call, in a query under its signature."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

from connectors.connector import Account
from router.clean_text import clean_line
from router.message import Direction

Callback = Literal["status", "leg", "dialled", "recording"]
"""status: of the call as a whole; leg: of one number rung; dialled: after all were rung, asks what next; recording."""

_OUT: Final = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """What a callback does not say by itself. `phone` is the customer's, `extension` who of ours rings.

    `then`: whom to ring next when nobody answers; only "everyone", or "".
    """

    phone: str = ""
    extension: str = ""
    direction: Direction = "in"
    initiated: str = ""
    then: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Whose":
        return cls(
            phone=clean_line(query.get("phone", ""), limit=64),
            extension=clean_line(query.get("extension", ""), limit=128),
            direction="out" if query.get("direction") == _OUT else "in",
            initiated=clean_line(query.get("initiated", ""), limit=128),
            then="everyone" if query.get("then") == "everyone" else "",
        )


def root(account: Account, called: str) -> str:
    """The account's own address, from one under it that Twilio called (without its query)."""
    own = account["webhook_url"].rstrip("/") or f"/hooks/telephony/{account.slug}"
    start = called.find(own)
    return called[: start + len(own)] if start >= 0 else called


def address(base: str, callback: Callback, whose: Whose) -> str:
    told = {
        "phone": whose.phone,
        "extension": whose.extension,
        "direction": whose.direction if whose.direction == _OUT else "",
        "initiated": whose.initiated,
        "then": whose.then,
    }
    query = urlencode({name: value for name, value in told.items() if value})
    return f"{base}/{callback}" + (f"?{query}" if query else "")
