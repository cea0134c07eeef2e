"""Which field is the phone, which the name: by what the account says, by what the field says, by what it holds.

In this order, and the first field that fits a role has it: the account's `field_map` (exact names, whoever made the form
knows best); the type of the input (`tel`, `email`); the words of its label or name, Russian and English; at last, when
there is no phone or email yet, a value that can be nothing else.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from connectors.channels.lead_form.fields import Filled
from connectors.email_addresses import normalise
from connectors.phone_numbers import e164

Role = Literal["name", "phone", "email", "comment"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

_TYPES: Final[Mapping[str, Role]] = {
    "tel": "phone",
    "phone": "phone",
    "ph": "phone",  # Tilda
    "email": "email",
    "em": "email",
    "nm": "name",
    "name": "name",
    "textarea": "comment",
    "ta": "comment",
}
_FILLERS: Final = frozenset(
    [
        "your",
        "my",
        "the",
        "user",
        "client",
        "customer",
        "contact",
        "contacts",
        "person",
        "lead",
        "visitor",
        "form",
        "field",
        "fields",
        "input",
        "billing",
        "value",
        "ваш",
        "ваше",
        "ваша",
        "вашего",
        "вас",
        "клиента",
        "контактный",
        "контактная",
        "контактное",
        "контактные",
        "контакт",
        "поле",
        "введите",
        "укажите",
        "оставьте",
        "ru",
        "en",
    ]
)
_PHONE: Final = frozenset(
    [
        "phone",
        "phones",
        "tel",
        "telephone",
        "mobile",
        "cell",
        "cellphone",
        "phonenumber",
        "whatsapp",
        "msisdn",
        "телефон",
        "телефона",
        "тел",
        "мобильный",
        "мобильного",
        "сотовый",
        "номер_телефона",
        "ватсап",
        "вотсап",
    ]
)
_EMAIL: Final = frozenset(
    [
        "email",
        "mail",
        "emails",
        "почта",
        "почты",
        "почту",
        "mailbox",
        "имейл",
        "емейл",
        "емайл",
        "имэйл",
        "эл_почта",
    ]
)
_NAME: Final = frozenset(
    [
        "name",
        "names",
        "fullname",
        "full_name",
        "fio",
        "имя",
        "имени",
        "фио",
        "имя_фамилия",
        "имя_и_фамилия",
        "как_зовут",
        "как_к_вам_обращаться",
        "как_к_обращаться",
        "как_можно_обращаться",
    ]
)
_PARTS: Final[Mapping[str, int]] = {
    # The order in which parts of a name are put together.
    "last_name": 2, "lastname": 2, "surname": 2, "family_name": 2, "фамилия": 2,
    "first_name": 0, "firstname": 0, "given_name": 0,
    "middle_name": 1, "patronymic": 1, "отчество": 1,
}  # fmt: skip
_COMMENT: Final = frozenset(
    [
        "comment",
        "comments",
        "message",
        "messages",
        "msg",
        "text",
        "textarea",
        "note",
        "notes",
        "question",
        "questions",
        "body",
        "description",
        "details",
        "комментарий",
        "комментарии",
        "сообщение",
        "вопрос",
        "текст",
        "примечание",
        "пожелания",
        "описание",
    ]
)
_OTHERS_NAME: Final = frozenset(
    [
        "form",
        "quiz",
        "site",
        "page",
        "product",
        "products",
        "utm",
        "company",
        "payment",
        "item",
        "items",
        "project",
        "file",
        "event",
        "widget",
    ]
)
"""What has a name that is no person's: `quiz.name`, `payment[products][0][name]`."""

_CAMEL: Final = re.compile(r"(?<=[a-zа-я])(?=[A-ZА-Я])")
_WORD: Final = re.compile(r"[a-zа-яё]+")
_DIALLED: Final = re.compile(r"[+\d\s().\-–—]{7,25}")
_ADDRESS: Final = re.compile(r"[^\s@]{1,64}@[^\s@]+\.[^\s@.]{2,}")


class BadMap(ValueError):
    """Not `phone=tel_7 name=fio`."""


@dataclass(slots=True, kw_only=True)
class Recognised:
    """What has each role, and the fields that have none."""

    name: str = ""
    phone: str = ""
    email: str = ""
    comment: str = ""
    others: list[Filled] = field(default_factory=list)


def read_map(written: str) -> dict[str, Role]:
    """`field_map` as {field: role}. Pairs `role=field`, separated by commas, semicolons or lines. Raises BadMap."""
    found: dict[str, Role] = {}
    for pair in re.split(r"[,;\n]", written):
        if not pair.strip():
            continue
        role, equals, name = (each.strip() for each in pair.partition("="))
        if not equals or not name or role not in ROLES:
            raise BadMap(pair.strip())
        found[name.casefold()] = role
    return found


def recognise(fields: Sequence[Filled], *, mapped: Mapping[str, Role], region: str) -> Recognised:
    found = Recognised()
    left: list[Filled] = []
    parts: list[tuple[int, str]] = []
    # Pass by pass, the surer first: a mapped field must not come too late because another looked like it.
    for each, role in _surest_first(fields, mapped):
        if role is None:
            part = _part(each)
            if part is None:
                left.append(each)
            else:
                parts.append((part, each.value))
        elif (role == "comment" and found.comment) or getattr(found, role):
            left.append(each)
        else:
            setattr(found, role, each.value)
    if parts:
        # "Имя" and "Фамилия": the first is a name by itself, too.
        whole = [(0, found.name)] if found.name else []
        found.name = " ".join(
            value for _, value in sorted([*whole, *parts], key=lambda one: one[0])
        )
    for each in left:
        if not found.phone and _DIALLED.fullmatch(each.value) and e164(each.value, region=region):
            found.phone = each.value
        elif not found.email and _ADDRESS.fullmatch(each.value) and normalise(each.value):
            found.email = each.value
        else:
            found.others.append(each)
    order = {id(each): place for place, each in enumerate(fields)}
    found.others.sort(key=lambda each: order[id(each)])
    return found


def _surest_first(
    fields: Sequence[Filled], mapped: Mapping[str, Role]
) -> list[tuple[Filled, Role | None]]:
    judged: list[tuple[int, Filled, Role | None]] = []
    for each in fields:
        names = {each.name.casefold(), each.label.casefold(), ".".join(each.path).casefold()}
        role = next((mapped[name] for name in names if name in mapped), None)
        if role is not None:
            judged.append((0, each, role))
        elif each.type in _TYPES and not (_TYPES[each.type] == "name" and _of_others(each)):
            judged.append((1, each, _TYPES[each.type]))
        else:
            judged.append((2, each, _by_words(each)))
    judged.sort(key=lambda one: one[0])
    return [(each, role) for _, each, role in judged]


def _by_words(each: Filled) -> Role | None:
    for written in (each.label, each.name):
        words = _words(written)
        if not words:
            continue
        joint = "_".join(words)
        if _PHONE & {*words, joint} and "type" not in words:
            return "phone"
        if _EMAIL & {*words, joint} or joint == "e_mail" or words[:2] == ["e", "mail"]:
            return "email"
        meant = [word for word in words if word not in _FILLERS] or words
        joint = "_".join(meant)
        if joint in _NAME and not _of_others(each):
            return "name"
        if joint in _COMMENT:
            return "comment"
    return None


def _part(each: Filled) -> int | None:
    """Which part of a name it is; None when it is none."""
    for written in (each.label, each.name):
        meant = [word for word in _words(written) if word not in _FILLERS]
        if (part := _PARTS.get("_".join(meant))) is not None:
            return part
    return None


def _of_others(each: Filled) -> bool:
    return any(set(_words(step)) & _OTHERS_NAME for step in each.path[:-1])


def _words(written: str) -> list[str]:
    """`your-Phone_2`, `yourPhone` as ["your", "phone"]."""
    return _WORD.findall(_CAMEL.sub(" ", written).casefold())
