"""Whether a request comes from where the platform's requests come from: the second proof where the first is weak.

Off unless the account lists addresses. Behind a proxy the address is the proxy's, unless Allo is told to believe its
X-Forwarded-For; so this can only be an administrator's own decision.
"""

import re
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from connectors.connector import Account, Field, Finding, Request
from connectors.errors import Unverified

_SEPARATOR: Final = re.compile(r"[\s,;]+")


def allowed_ips(known: str = "") -> Field:
    """The account's field. `known` are the platform's addresses, as far as it tells them."""
    hint = f"Only from these addresses, such as {known}. " if known else "Only from these. "
    return Field(
        name="allowed_ips",
        label="Allowed addresses",
        help=f"{hint}Empty: from any. Behind a proxy, it has to pass the address on",
    )


def came_from_an_allowed_address(account: Account, request: Request) -> None:
    """Raises Unverified."""
    listed = _split(account["allowed_ips"])
    if not listed:
        return
    try:
        address = ip_address(request.remote)
    except ValueError:
        raise Unverified("the request has no address, and allowed_ips is set") from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    networks = (_network(each) for each in listed)
    if not any(network is not None and address in network for network in networks):
        raise Unverified(f"{address} is not among allowed_ips")


def unreadable(account: Account) -> list[Finding]:
    """What in the list is no address: it lets nobody in."""
    return [
        Finding(level="error", text=f"allowed_ips: {each} is neither an address nor a network")
        for each in _split(account["allowed_ips"])
        if _network(each) is None
    ]


def _split(text: str) -> list[str]:
    return [each for each in _SEPARATOR.split(text) if each]


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
