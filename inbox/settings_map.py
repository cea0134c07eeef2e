"""Where the settings are, and what each is for: the navigation beside them, and their front page.

A section is shown to those who have its right, once its page is there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from inbox.rights import Right
from inbox.wording import N_


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`words` are what else somebody may look for it by."""

    href: str
    name: str
    purpose: str
    icon: str
    right: Right
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    name: str
    sections: Sequence[Section]


MAP: Final[Sequence[Group]] = (
    Group(
        name=N_("Channels"),
        sections=(
            Section(
                href="/settings/channels",
                name=N_("Channels"),
                purpose=N_("Where customers write and call; whether each one works."),
                icon="link",
                right=Right.MANAGE_CHANNELS,
                words=N_("Telegram WhatsApp VK email site chat telephony bot token webhook"),
            ),
        ),
    ),
    Group(
        name=N_("People and teams"),
        sections=(
            Section(
                href="/settings/people",
                name=N_("People"),
                purpose=N_("Who signs in, with which role; passwords and limits."),
                icon="people",
                right=Right.MANAGE_PEOPLE,
                words=N_("invite colleague manager role password"),
            ),
            Section(
                href="/settings/teams",
                name=N_("Teams"),
                purpose=N_("Who answers what, and how new conversations are handed out."),
                icon="assign",
                right=Right.MANAGE_PEOPLE,
                words=N_("assignment round robin distribution"),
            ),
            Section(
                href="/settings/working-hours",
                name=N_("Working hours"),
                purpose=N_("When each team works, holidays, and what is said outside them."),
                icon="clock",
                right=Right.MANAGE_PEOPLE,
                words=N_("holidays automatic answer night weekend"),
            ),
        ),
    ),
    Group(
        name=N_("Work"),
        sections=(
            Section(
                href="/settings/company",
                name=N_("Company"),
                purpose=N_("Name, time zone, language, currency; how careful merging is."),
                icon="card",
                right=Right.MANAGE_CHANNELS,
                words=N_("timezone currency language duplicates merge"),
            ),
            Section(
                href="/settings/canned-replies",
                name=N_("Canned replies"),
                purpose=N_("Texts that are written with one slash."),
                icon="slash",
                right=Right.ANSWER,
                words=N_("templates snippets quick answers"),
            ),
            Section(
                href="/settings/macros",
                name=N_("Macros"),
                purpose=N_("Several steps with one press."),
                icon="checks",
                right=Right.ANSWER,
            ),
            Section(
                href="/settings/labels",
                name=N_("Labels"),
                purpose=N_("What conversations are marked with, and in which colour."),
                icon="tag",
                right=Right.MANAGE_LABELS,
                words=N_("tags colours"),
            ),
            Section(
                href="/settings/pipelines",
                name=N_("Pipelines"),
                purpose=N_("The stages a lead goes through."),
                icon="stage",
                right=Right.MANAGE_PIPELINES,
                words=N_("stages funnel deals"),
            ),
            Section(
                href="/settings/fields",
                name=N_("Fields"),
                purpose=N_("What you want to know of a contact or a lead."),
                icon="pencil",
                right=Right.MANAGE_FIELDS,
                words=N_("custom attributes"),
            ),
        ),
    ),
    Group(
        name=N_("Advertising"),
        sections=(
            Section(
                href="/settings/spend",
                name=N_("Advertising spend"),
                purpose=N_(
                    "What advertising, salaries and tools cost: from files, by hand, from the platforms."
                ),
                icon="wallet",
                right=Right.READ_SPEND,
                words=N_(
                    "cost import Yandex Direct VK Google Meta CSV currency rate VAT overhead CAC"
                ),
            ),
        ),
    ),
    Group(
        name=N_("Integration"),
        sections=(
            Section(
                href="/settings/tokens",
                name=N_("API keys"),
                purpose=N_("Let other programs read and write here."),
                icon="lock",
                right=Right.MANAGE_TOKENS,
                words=N_("tokens REST 1C CRM"),
            ),
            Section(
                href="/settings/webhooks",
                name=N_("Webhooks"),
                purpose=N_("Tell other programs what happens here."),
                icon="send",
                right=Right.MANAGE_WEBHOOKS,
                words=N_("events notifications integration CRM"),
            ),
        ),
    ),
    Group(
        name=N_("Watch"),
        sections=(
            Section(
                href="/settings/dead-letters",
                name=N_("Dead letters"),
                purpose=N_("What could not be processed, with the reason; try it again."),
                icon="alert",
                right=Right.MANAGE_DEAD_LETTERS,
                words=N_("errors failed stuck"),
            ),
            Section(
                href="/settings/audit",
                name=N_("Audit log"),
                purpose=N_("Who changed what, and when."),
                icon="rows",
                right=Right.READ_AUDIT,
                words=N_("history journal security"),
            ),
            Section(
                href="/settings/first-steps",
                name=N_("First steps"),
                purpose=N_("From the first message to the first lead won."),
                icon="ok",
                right=Right.MANAGE_CHANNELS,
                words=N_("start help guide checklist"),
            ),
        ),
    ),
)


def groups(may: Callable[[Right], bool], exists: Callable[[str], bool]) -> Sequence[Group]:
    """What this person may see of what there is."""
    found = []
    for group in MAP:
        shown = [each for each in group.sections if may(each.right) and exists(each.href)]
        if shown:
            found.append(Group(name=group.name, sections=shown))
    return found
