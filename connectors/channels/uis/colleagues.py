"""Extensions and employees. Notifications and the Call API name an employee by an id of UIS, Allo by their extension.

The field `employees` says who is who, and at which phone a scenario reaches them. Who is not in it has their id for an
extension.
"""

import re
from typing import Final, NamedTuple

from connectors.connector import Account

_ENTRY: Final = re.compile(r"([0-9*#]{1,16})=([0-9]{1,18})(?:=\+?([0-9]{1,18}))?")
_SEPARATOR: Final = re.compile(r"[\s,;]+")


class Colleague(NamedTuple):
    extension: str
    employee: str
    phone: str
    """What a scenario calls."""


def colleagues(account: Account) -> list[Colleague]:
    return [
        Colleague(entry[1], entry[2], entry[3] or entry[1])
        for each in _SEPARATOR.split(account["employees"])
        if (entry := _ENTRY.fullmatch(each))
    ]


def unreadable(account: Account) -> list[str]:
    """The entries of `employees` that say nothing."""
    return [
        each
        for each in _SEPARATOR.split(account["employees"])
        if each and not _ENTRY.fullmatch(each)
    ]


def extension_of(account: Account, employee: str) -> str:
    return next(
        (each.extension for each in colleagues(account) if each.employee == employee), employee
    )


def by_extension(account: Account, extension: str) -> Colleague:
    return next(
        (each for each in colleagues(account) if each.extension == extension),
        Colleague(extension, extension, extension),
    )
