"""A number, an address or a messenger's name as somebody types it in, as the channels write it: or it is never recognised."""

from typing import Final

from connectors.email_addresses import normalise
from connectors.phone_numbers import e164
from inbox.desk import Refused

KINDS: Final = ("phone", "email", "telegram", "whatsapp", "vk", "max")
"""What a colleague may write down. Accounts that only a platform knows by a number come from the platform."""


def key_of(kind: str, written: str) -> tuple[str, str]:
    """(value, display). Raises Refused with what would have been one."""
    typed = " ".join(written.split())[:255]
    match kind:
        case "phone" | "whatsapp":
            value = e164(typed) or ""
            if not value:
                raise Refused("This is no phone number that could be dialled.")
            return value if kind == "phone" else value.removeprefix("+"), typed
        case "email":
            value = normalise(typed)
            if not value:
                raise Refused("This is no email address.")
            return value, typed
        case "telegram" | "vk" | "max":
            name = typed.removeprefix("https://").removeprefix("http://")
            for place in ("t.me/", "vk.com/", "vk.ru/", "max.ru/"):
                name = name.removeprefix(place)
            name = name.strip("@/ ").lower()
            if not name or " " in name:
                raise Refused("Write the name without spaces, for example @marina_bel.")
            return name, f"@{name}"
        case _:
            raise Refused("There is no such kind of number or address.")
