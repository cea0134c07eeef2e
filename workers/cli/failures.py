"""What a command says when it fails: one line, for a person, with what to do about it."""

import errno

import click

from inbox.desk import NotFound, Refused
from storage.ad_accounts import NoSuchAdAccount, TooManyAdAccounts
from storage.colleagues import BadEmail, EmailTaken, LastAdministrator
from storage.complaints import database_complaint
from storage.embedded import CannotStart
from storage.sealing import CannotUnseal
from storage.spend_parts import CannotWrite
from workers.backup_file import NotABackup
from workers.broker import BrokerDown
from workers.dump import DumpFailed
from workers.settings import WrongSetting

SENTENCES = (
    BadEmail,
    CannotStart,
    CannotUnseal,
    CannotWrite,
    DumpFailed,
    EmailTaken,
    LastAdministrator,
    NoSuchAdAccount,
    NotABackup,
    NotFound,
    Refused,
    TooManyAdAccounts,
    WrongSetting,
)
"""Errors whose text was written for the person already."""


class Failed(click.ClickException):
    """The command could not do it; the text is the line on standard error."""


def sentence_for(error: BaseException) -> str:
    """One line about the error. What we did not foresee is named by its type, and where to see more."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    match error:
        case click.ClickException():
            said = error.format_message()
        case _ if isinstance(error, SENTENCES):
            said = str(error)
        case BrokerDown():
            said = f"The broker cannot be reached: {error}. Look at ALLO_BROKER_URL, or ask `allo doctor`."
        case TimeoutError():
            said = "It took too long and was stopped. Is the database or the broker overloaded? `allo doctor` looks at both."
        case OSError():
            said = _system(error)
        case _ if complaint := database_complaint(error):
            said = complaint
        case _:
            said = f"Unexpected {type(error).__name__}: {error} (`allo --traceback …` shows where)"
    return " ".join(said.split())


def _system(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{error.strerror}. Is another `allo serve` running? ALLO_HTTP and ALLO_SMTP_LISTEN choose other addresses."
    if isinstance(error, ConnectionError):
        return f"Nothing answers there: {error}"
    return str(error)
