"""What no person sent: a trap that was filled in, a form that was filled in faster than anybody types.

A robot is told that all went well. What it brought is counted as ignored, and says why; it is kept nowhere.
"""

from collections.abc import Mapping
from typing import Final

from connectors.connector import Account

KNOWN_TRAPS: Final = frozenset(
    {
        "_gotcha",  # Formspree
        "_honey",  # FormSubmit
        "bot-field",  # Netlify
        "honeypot",
        "_hp",
        "leave_this_empty",
    }
)
"""Names that mean nothing else, so that they work without being set."""

SECONDS: Final = "_seconds"
"""How long the page was open before the form was sent, as our snippet counts it."""


def names(account: Account) -> frozenset[str]:
    own = account["honeypot"].strip().casefold()
    return KNOWN_TRAPS | ({own} if own else frozenset())


def sprung(account: Account, service: Mapping[str, str]) -> str:
    """Why it is no person's; "" when it may be one."""
    by_name = {name.rpartition(".")[2]: value for name, value in service.items()}
    for name in sorted(names(account)):
        if by_name.get(name, ""):
            return "spam: a field that people do not see was filled in"
    if SECONDS in by_name:
        try:
            took, least = float(by_name[SECONDS]), least_seconds(account)
        except ValueError:  # `check` tells of the account's own
            return ""
        # Negative: a clock that was set meanwhile.
        if 0 <= took < least:
            return "spam: filled in faster than anybody types"
    return ""


def least_seconds(account: Account) -> float:
    """Raises ValueError."""
    return float(account["min_seconds"] or 0)
