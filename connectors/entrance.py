"""The way in: how a link leads a customer into a channel, with a code that comes back with what they write first.

Each messenger has one parameter that it carries from a link to the business: Telegram's `start`, VK's `ref`, the words that
WhatsApp writes for the customer, the address of a mail. A telephone carries none: there the number itself is the code.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from connectors.email_addresses import normalise
from connectors.phone_numbers import e164


class NoAddress(ValueError):
    """It cannot be written to; says what would do, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """`address` as it is kept. `text`: what the customer's message begins with. `manner`: one of `Entrance.manners`."""

    address: str
    code: str
    text: str = ""
    manner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """`label` and `help` say what the address is; `field` is the account's own field that has it."""

    label: str
    help: str
    address: Callable[[str, str], str]
    """What somebody wrote, and the account's region → as it is kept. Raises NoAddress."""
    url: Callable[[Way], str]
    field: str = ""
    takes_text: bool = False
    manners: tuple[str, ...] = ()
    """How the code may travel, where there are several ways; the first one is usual."""


# What the platforms themselves allow for their names.
_TELEGRAM: Final = re.compile(
    r"(?:https?://)?(?:t\.me/|@)?([A-Za-z][A-Za-z0-9_]{3,31})/?", re.ASCII
)
_VK: Final = re.compile(
    r"(?:https?://)?(?:(?:m\.)?vk\.(?:com|ru|me)/)?@?([A-Za-z][A-Za-z0-9_.]{1,49})/?", re.ASCII
)


def telegram_bot(written: str, region: str) -> str:
    found = _TELEGRAM.fullmatch(written.strip())
    if found is None:
        raise NoAddress("Write the bot's name as Telegram shows it, for example @my_shop_bot.")
    return found[1]


def telegram_url(way: Way) -> str:
    """https://core.telegram.org/bots/features#deep-linking"""
    return f"https://t.me/{way.address}?start={way.code}"


def vk_community(written: str, region: str) -> str:
    if written.strip().isdecimal():
        return f"club{int(written.strip())}"
    found = _VK.fullmatch(written.strip())
    if found is None:
        raise NoAddress("Write the community's number or its short name, as in vk.com/my_shop.")
    return found[1].lower()


def vk_url(way: Way) -> str:
    """Comes back as `ref` and `ref_source` of the first message (VK API: Message)."""
    return f"https://vk.me/{way.address}?ref={way.code}&ref_source=link"


def telephone_number(written: str, region: str) -> str:
    found = e164(written, region=region)
    if found is None:
        raise NoAddress("Write the number in full, for example +7 495 123-45-67.")
    return found


def whatsapp_url(way: Way) -> str:
    """https://faq.whatsapp.com/5913398998672934: the words are all that a link can carry."""
    words = f"{way.text} [ref: {way.code}]".strip()
    return f"https://wa.me/{way.address.removeprefix('+')}?text={quote(words, safe='')}"


def email_address(written: str, region: str) -> str:
    if not normalise(written):
        raise NoAddress("Write the address that mail is sent to, for example sales@shop.example.")
    # As it is written: customers see it.
    return written.strip().strip("<>").lower()


def email_url(way: Way) -> str:
    """RFC 6068. The code stands in the address (RFC 5233), or where the server knows no such addresses in the subject."""
    local, _, domain = way.address.rpartition("@")
    subject = way.text
    if way.manner == "subject":
        subject = f"{way.text} [ref: {way.code}]".strip()
    else:
        local = f"{local}+{way.code}"
    query = f"?subject={quote(subject, safe='')}" if subject else ""
    return f"mailto:{quote(local, safe='+')}@{domain}{query}"


TELEGRAM: Final = Entrance(
    label="Bot's name",
    help="As Telegram shows it: @my_shop_bot",
    field="username",
    address=telegram_bot,
    url=telegram_url,
)
VK: Final = Entrance(
    label="Community",
    help="Its number or short name, as in vk.com/my_shop",
    field="group_id",
    address=vk_community,
    url=vk_url,
)
WHATSAPP: Final = Entrance(
    label="Number of WhatsApp",
    help="The number that customers write to, with the country's code",
    address=telephone_number,
    url=whatsapp_url,
    takes_text=True,
)
EMAIL: Final = Entrance(
    label="Address for mail",
    help="Where customers write to; it must arrive in this channel",
    field="address",
    address=email_address,
    url=email_url,
    takes_text=True,
    manners=("plus", "subject"),
)
TELEPHONE: Final = Entrance(
    label="Number to call",
    help="A number that this exchange answers. A call to it is counted for this link, so give each link its own",
    address=telephone_number,
    url=lambda way: f"tel:{way.address}",
)
