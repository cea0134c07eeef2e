"""`allo seed`: fills a new installation with made-up conversations, to see how it is when it is large."""

import click

from inbox.passwords import hash_password
from storage.seeding.filling import InUse, fill
from workers.cli.failures import Failed
from workers.cli.installation import Installation, in_records


@click.command()
@click.option("--conversations", default=200_000, show_default=True, type=click.IntRange(1))
@click.option("--messages", default=1_000_000, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same story.")
@click.option(
    "--password",
    default="",
    help="Opens seed-1@example.com to seed-50@example.com; without it nothing does.",
)
def seed(*, conversations: int, messages: int, seed: int, password: str) -> None:
    """Fill a new installation with made-up customers, for measuring. Refused where there are messages already."""

    async def story(here: Installation) -> int:
        made = 0
        hashed = await hash_password(password) if password else ""
        with click.progressbar(length=conversations, label="Conversations") as bar:
            try:
                async for done in fill(
                    here.engine,
                    conversations=conversations,
                    messages=messages,
                    now=here.now(),
                    seed=seed,
                    password=hashed,
                ):
                    bar.update(done - made)
                    made = done
            except InUse as used:
                raise Failed(
                    "This installation has messages already: fill a new one (ALLO_DATA_DIR or ALLO_DATABASE_URL)."
                ) from used
        return made

    click.echo(f"{in_records(story)} conversations are there.")
