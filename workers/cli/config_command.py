"""`allo config`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import click

from workers.cli.printing import print_json, print_table
from workers.settings import Described, describe, load_settings

WHEN_EMPTY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "database_url": "(embedded)",
        "broker_url": "(in PostgreSQL)",
        "media_url": "(data directory)",
        "public_url": "(where it listens)",
        "smtp_listen": "(off)",
        "secret_key": "(to be made)",
    }
)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def config(*, as_json: bool) -> None:
    """Every setting: its value, where that comes from, what it means. Secrets are masked."""
    lines = describe(load_settings())
    if as_json:
        print_json(lines)
        return
    print_table(
        ("SETTING", "VALUE", "FROM", "MEANING"),
        [(each.variable, _value(each), each.origin, each.meaning) for each in lines],
    )


def _value(line: Described) -> str:
    if line.origin == "data directory":
        return "***"
    return line.value or WHEN_EMPTY.get(line.name, "")
