"""What an advertising platform wants to know before it tells what it took: the fields of a form, by platform."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from connectors.connector import Field

_API_BASE: Final = Field(
    name="api_base",
    label="Another address of the API",
    help="Only for a proxy or for trying it out; leave it empty otherwise.",
)

CREDENTIALS: Final[Mapping[str, Sequence[Field]]] = MappingProxyType(
    {
        "yandex-direct": (
            Field(
                name="token",
                label="OAuth token",
                secret=True,
                required=True,
                help="Of an application with access to the API of Direct; oauth.yandex.ru gives it.",
            ),
            Field(
                name="client_login",
                label="Login of the client",
                help="Only for agencies: whose advertising it is.",
            ),
            _API_BASE,
        ),
        "vk-ads": (
            Field(
                name="client_id",
                label="client_id",
                required=True,
                help="ads.vk.com, Settings, Access to the API.",
            ),
            Field(name="client_secret", label="client_secret", secret=True, required=True),
            _API_BASE,
        ),
    }
)
"""Platforms that can be asked; of the others there are files."""
