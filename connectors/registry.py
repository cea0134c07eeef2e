"""Every module in `connectors/channels/` that declares a `connector` is a channel."""

import importlib
import pkgutil
from functools import cache
from types import MappingProxyType

from connectors import channels
from connectors.connector import Connector


@cache
def discover() -> MappingProxyType[str, Connector]:
    """The channels by kind, in the order of their names."""
    found: dict[str, Connector] = {}
    for module in pkgutil.iter_modules(channels.__path__):
        declared = importlib.import_module(f"{channels.__name__}.{module.name}").connector
        found[declared.kind] = declared
    return MappingProxyType(found)
