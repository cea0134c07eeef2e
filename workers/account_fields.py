"""What a person wrote for a channel's account: the fields of its kind, and the options every account has.

What is wrong with it is told in one sentence (`Refused`), before anything is stored.
"""

import re
from collections.abc import Mapping
from typing import Final

import phonenumbers

from connectors.connector import Connector
from connectors.registry import discover
from inbox.channel_desk import ChannelOptions
from inbox.desk import Refused

OPTIONS: Final[Mapping[str, str]] = {
    "region": "default country of national phone numbers, two letters (RU)",
    "team": "the team that answers, by name; the default team otherwise",
    "lead_policy": "when a message opens a lead: never, first_contact, no_open_lead (default) or after:DAYS",
    "callback_minutes": "working minutes in which a missed call is to be called back (15)",
    "language": "of automatic answers: ru or en",
    "silent_hours": "say so when nothing came for so many working hours of the team; empty: never",
}
MOST_MINUTES: Final = 10_000
"""Working minutes: about a month."""
LONGEST: Final = 4096
"""Characters of one field."""

MOST_MOVES: Final = 20
MOST_HOURS: Final = 1000
"""Working hours: half a year of eight a day."""

_LEAD_POLICY: Final = re.compile(r"never|first_contact|no_open_lead|after:[1-9][0-9]{0,3}")


def connector_of(kind: str) -> Connector:
    """Raises Refused."""
    connector = discover().get(kind)
    if connector is None:
        raise Refused(f"There is no channel of the kind {kind}; there are {', '.join(discover())}.")
    return connector


def check_fields(connector: Connector, fields: Mapping[str, str], *, whole: bool) -> None:
    """`whole`: a new account, so that what is required must be there. Raises Refused."""
    known = {each.name: each for each in connector.fields}
    if unknown := sorted(fields.keys() - known.keys()):
        raise Refused(
            f"An account of {connector.kind} has no {', '.join(unknown)}; it has {', '.join(known)}, "
            f"and every account has {', '.join(OPTIONS)}."
        )
    for name, value in fields.items():
        choices = known[name].choices
        if choices and value and value not in choices:
            raise Refused(
                f"{name} is one of {', '.join(each for each in choices if each)}, not {value!r}."
            )
        if len(value) > LONGEST or "\x00" in value:
            raise Refused(
                f"{name} is longer than {LONGEST} characters, or holds none that can be written."
            )
    required = {each.name for each in connector.fields if each.required}
    given = {name for name, value in fields.items() if value}
    emptied = {name for name, value in fields.items() if not value}
    if missing := sorted((required - given) if whole else (required & emptied)):
        raise Refused(f"An account of {connector.kind} needs {', '.join(missing)}.")


def hours(written: str) -> int | None:
    """`silent_hours` as it is written; None: never. Raises Refused."""
    if written.strip() in {"", "0"}:
        return None
    if not written.strip().isdecimal():
        raise Refused(f"silent_hours is a whole number of working hours, not {written!r}.")
    return int(written)


def check_options(options: ChannelOptions) -> None:
    """Raises Refused."""
    if options.region not in phonenumbers.SUPPORTED_REGIONS:
        raise Refused(
            f"region is a country's two letters, such as RU, KZ or DE, not {options.region!r}."
        )
    if options.language not in {"ru", "en"}:
        raise Refused(f"language is ru or en, not {options.language!r}.")
    if options.silent_hours is not None and not 1 <= options.silent_hours <= MOST_HOURS:
        raise Refused(f"silent_hours is from 1 to {MOST_HOURS}, not {options.silent_hours}.")
    if not _LEAD_POLICY.fullmatch(options.lead_policy):
        raise Refused(
            f"lead_policy is never, first_contact, no_open_lead or after:DAYS, not {options.lead_policy!r}."
        )
    if not 1 <= options.promise_minutes <= MOST_MINUTES:
        raise Refused(f"The answer is promised in 1 to {MOST_MINUTES} minutes.")
    if options.silence_minutes is not None and not 1 <= options.silence_minutes <= MOST_MINUTES:
        raise Refused(
            f"Without an answer a conversation is moved after 1 to {MOST_MINUTES} minutes."
        )
    if not 0 <= options.silence_moves <= MOST_MOVES:
        raise Refused(f"A conversation is moved at most {MOST_MOVES} times.")
    if not 1 <= options.callback_minutes <= MOST_MINUTES:
        raise Refused(f"callback_minutes is a number of minutes from 1 to {MOST_MINUTES}.")
