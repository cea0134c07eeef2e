"""Who may do what. Pages name the right they need; `inbox.pages` has a page for no one without one."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Right(StrEnum):
    """What a page asks for. `SIGNED_IN` is everybody's with an account."""

    SIGNED_IN = "signed_in"
    READ_MESSAGES = "read_messages"
    ANSWER = "answer"
    ASSIGN_OTHERS = "assign_others"
    READ_CONTACTS = "read_contacts"
    CHANGE_CONTACTS = "change_contacts"
    READ_LEADS = "read_leads"
    READ_FIGURES = "read_figures"
    """The reports of sales: of a manager, their own figures (`inbox.reports.whose`)."""
    READ_REPORTS = "read_reports"
    """All reports, saved ones and digests. Whose figures, a lead's sight says."""
    CHANGE_LEADS = "change_leads"
    MANAGE_PEOPLE = "manage_people"
    """Of a team lead: the managers and marketers of their teams, and those who are in none."""
    MANAGE_TEAMS = "manage_teams"
    """Making teams, and which is the default. A team lead changes those they are in by MANAGE_PEOPLE."""
    MANAGE_CHANNELS = "manage_channels"
    MANAGE_TOKENS = "manage_tokens"
    MANAGE_DEAD_LETTERS = "manage_dead_letters"
    MANAGE_PIPELINES = "manage_pipelines"
    MANAGE_FIELDS = "manage_fields"
    MANAGE_CANNED = "manage_canned"
    """The canned replies that everybody has; one's own are everybody's to write."""
    MANAGE_LABELS = "manage_labels"
    MANAGE_WEBHOOKS = "manage_webhooks"
    READ_SPEND = "read_spend"
    MANAGE_SPEND = "manage_spend"
    """What advertising costs: accounts, imports, overheads, rates."""
    MANAGE_SOURCES = "manage_sources"
    """Rules that name sources, tracked links, numbers that tell where a caller came from; nothing of a customer."""
    READ_AUDIT = "read_audit"
    SHARE_VIEWS = "share_views"
    SEE_EVERYBODYS_TASKS = "see_everybodys_tasks"
    """Of those in sight."""
    ERASE = "erase"
    EXPORT_PERSONAL_DATA = "export_personal_data"
    VOUCH_FOR_KEYS = "vouch_for_keys"


_WORK: Final = frozenset(
    {
        Right.SIGNED_IN,
        Right.READ_MESSAGES,
        Right.ANSWER,
        Right.READ_CONTACTS,
        Right.CHANGE_CONTACTS,
        Right.READ_LEADS,
        Right.CHANGE_LEADS,
        Right.ASSIGN_OTHERS,
        Right.READ_FIGURES,
    }
)

RIGHTS: Final = MappingProxyType(
    {
        "admin": frozenset(Right),
        "lead": _WORK
        | {
            Right.MANAGE_PEOPLE,
            Right.MANAGE_CANNED,
            Right.MANAGE_LABELS,
            Right.SHARE_VIEWS,
            Right.MANAGE_FIELDS,
            Right.MANAGE_PIPELINES,
            Right.VOUCH_FOR_KEYS,
            Right.SEE_EVERYBODYS_TASKS,
            Right.READ_SPEND,
            Right.READ_REPORTS,
        },
        "manager": _WORK,
        # Figures and cards, never what customers wrote.
        "marketer": frozenset(
            {
                Right.SIGNED_IN,
                Right.READ_LEADS,
                Right.READ_SPEND,
                Right.MANAGE_SPEND,
                Right.MANAGE_SOURCES,
                Right.READ_FIGURES,
                Right.READ_REPORTS,
            }
        ),
    }
)


def may(role: str, right: Right) -> bool:
    return right in RIGHTS.get(role, frozenset())


def home(role: str) -> str:
    """Where somebody begins."""
    return "/" if may(role, Right.READ_MESSAGES) else "/leads"


def may_give_sight(own: str, *, own_sees: str, sees: str) -> bool:
    """Nobody lets others see more than they see themselves."""
    order = ("own", "team", "all")
    return own == "admin" or order.index(sees) <= order.index(own_sees)


def may_change_role(own: str, *, before: str, after: str) -> bool:
    """An administrator gives every role; a team lead only those beneath, so that nobody raises themselves."""
    if own == "admin":
        return True
    beneath = {"manager", "marketer"}
    return own == "lead" and before in beneath and after in beneath
