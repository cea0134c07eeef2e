"""The places of a canned reply, {{contact.first_name}} or {{contact.first_name|friend}}, filled with what is known.

Here and nowhere else, once, from the left: a customer who is called {{manager.name}} stays called that. A place without a
value keeps its braces, so that whoever sends the text is asked about it (`unfilled`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from markupsafe import Markup, escape

from inbox.formats import Formats
from inbox.wording import N_
from storage.reading.reply_values import ReplyValues

VARIABLES: Final = MappingProxyType(
    {
        "contact.first_name": N_("The customer's first name"),
        "contact.name": N_("The customer's name"),
        "manager.first_name": N_("First name of whoever answers for the conversation"),
        "manager.name": N_("Name of whoever answers for the conversation"),
        "lead.number": N_("Number of the open lead"),
        "lead.title": N_("Title of the open lead"),
        "lead.value": N_("Value of the open lead"),
        "account.name": N_("Name of the channel"),
        "company": N_("Name of the company"),
    }
)

_PLACE: Final = re.compile(
    r"\{\{\s*(?P<name>[A-Za-zА-Яа-яЁё_][\wЁё]*(?:\.[\wЁё]+)*)\s*(?:\|(?P<otherwise>[^{}\n]{0,200}))?\}\}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """`missing` are the places that kept their braces, as they are written."""

    text: str
    html: Markup
    missing: Sequence[str]


def fill(text: str, values: Mapping[str, str]) -> Filled:
    """An unknown name is missing even with a default: it is a slip of the pen."""
    plain: list[str] = []
    marked: list[Markup] = []
    missing: list[str] = []
    end = 0
    for place in _PLACE.finditer(text):
        between = text[end : place.start()]
        end = place.end()
        name, otherwise = place["name"], (place["otherwise"] or "").strip()
        value = values.get(name, "").strip() or (otherwise if name in VARIABLES else "")
        plain += [between, value or place[0]]
        marked.append(escape(between))
        if value:
            marked.append(Markup('<span class="filled">{}</span>').format(value))
        else:
            missing.append(place[0])
            marked.append(Markup('<mark class="unfilled">{}</mark>').format(place[0]))
    plain.append(text[end:])
    marked.append(escape(text[end:]))
    return Filled(
        text="".join(plain),
        html=Markup().join(marked),
        missing=tuple(dict.fromkeys(missing)),
    )


def unfilled(text: str) -> Sequence[str]:
    """The places that a text about to be sent still has."""
    return tuple(dict.fromkeys(place[0] for place in _PLACE.finditer(text)))


def unknown(text: str) -> Sequence[str]:
    """The places of a text being written that no conversation could fill."""
    return tuple(
        dict.fromkeys(place[0] for place in _PLACE.finditer(text) if place["name"] not in VARIABLES)
    )


def spoken(values: ReplyValues, formats: Formats) -> dict[str, str]:
    """As the customer reads them. A person without a name has none: a phone number is no first name."""
    return {
        "contact.first_name": first_name(values.contact),
        "contact.name": values.contact,
        "manager.first_name": first_name(values.manager),
        "manager.name": values.manager,
        "lead.number": "" if values.lead_number is None else str(values.lead_number),
        "lead.title": values.lead_title,
        "lead.value": ""
        if values.lead_value is None
        else formats.money(values.lead_value, values.lead_currency),
        "account.name": values.account,
        "company": values.company,
    }


def sample(formats: Formats) -> dict[str, str]:
    """For the preview in the settings, where there is no conversation."""
    _ = formats.language._
    return {
        "contact.first_name": _("Marina"),
        "contact.name": _("Marina Belova"),
        "manager.first_name": _("Anna"),
        "manager.name": _("Anna Kuznetsova"),
        "lead.number": "1284",
        "lead.title": _("Brake pads"),
        "lead.value": formats.money(1_840_000, "RUB"),
        "account.name": "shop",
        "company": _("Your company"),
    }


def first_name(name: str) -> str:
    """The first word that begins with a letter."""
    return next((word for word in name.split() if word[0].isalpha()), "")
