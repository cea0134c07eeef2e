"""`allo version`."""

import platform
from importlib.metadata import version as version_of

import click

from workers.cli.printing import print_json


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def version(*, as_json: bool) -> None:
    """Which Allo this is, and on which Python."""
    allo, python = version_of("allo"), platform.python_version()
    if as_json:
        print_json({"allo": allo, "python": python})
    else:
        click.echo(f"allo {allo}, Python {python}")
