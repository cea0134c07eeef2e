"""`allo token …`: keys of the REST API."""

import secrets

import click

from storage.api_tokens import SCOPES, keep_token
from storage.engine import transaction
from workers.cli.installation import Installation, in_records
from workers.cli.printing import print_json

NAME_LIMIT = 100


@click.group()
def token() -> None:
    """Keys of the REST API."""


@token.command()
@click.option("--name", required=True, help="Who will use it, for the list of tokens.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    required=True,
    help="What it may do; each of them includes those before it.",
)
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def create(*, name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a token. It is shown this once, and kept nowhere."""
    name = name.strip()
    if not 0 < len(name) <= NAME_LIMIT:
        raise click.UsageError(f"--name takes 1 to {NAME_LIMIT} characters.")
    # The prefix lets scanners for leaked secrets recognise it.
    made = f"allo_{secrets.token_urlsafe(32)}"

    async def story(here: Installation) -> None:
        async with transaction(here.engine) as connection:
            await keep_token(
                connection,
                name=name,
                token=made,
                scopes=sorted(set(scopes), key=SCOPES.index),
                created_by=None,
                now=here.now(),
            )

    in_records(story)
    if as_json:
        print_json({"token": made, "name": name, "scopes": scopes})
    else:
        click.echo(made)
        click.echo("This is the only time it is shown.", err=True)
