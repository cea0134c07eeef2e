"""`allo migrate`."""

import asyncio

import click

from storage.engine import migrate as bring_up_to_date, schema_revision
from workers.cli.installation import installation, reached
from workers.settings import Settings, load_settings


@click.command()
def migrate() -> None:
    """Bring the database's schema to what this Allo needs. Several at once wait for each other."""
    click.echo(asyncio.run(_migrate(load_settings())))


async def _migrate(settings: Settings) -> str:
    async with installation(settings) as here:
        before, newest = await reached(schema_revision(here.engine))
        await bring_up_to_date(here.engine)
    if before == newest:
        return f"The schema is up to date ({newest})."
    return f"The schema went from {before or 'nothing'} to {newest}."
