"""What each platform's webhooks look like, by the thousand, for `allo bench ingest` and `allo bench parse`.

A module here for each channel that has webhooks, of the channel's name, with one function:

    def hook(count: int) -> Hook:
        '''`count` requests as the platform really makes them, each with exactly one event of its own key.'''

Nothing else is to be registered: `hooks()` finds it, both benches measure it, and `tests/workers/bench/test_hooks.py` asks
that there is one for every channel that receives, and that each of its requests is taken and gives its event.
"""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from connectors.connector import Account

MADE_AT: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
"""When the requests were made, and when the benches take them: some platforms sign the moment, and it must be fresh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A webhook request. `path` is what follows the account's slug, "" or beginning with a slash."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    account: Account
    requests: Sequence[Called]


def kinds() -> list[str]:
    """Of the channels that can be measured."""
    return sorted(each.name for each in pkgutil.iter_modules(__path__))


def hook_of(kind: str, count: int) -> Hook:
    found: Hook = importlib.import_module(f"{__name__}.{kind}").hook(count)
    return found
