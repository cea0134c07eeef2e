"""Alembic's entry: runs on the connection it is given (`storage.engine.migrate`), or prints the SQL (`--sql`)."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from storage.engine import open_engine
from storage.tables import metadata


def _ours(name: str | None, type_: str, parent_names: object) -> bool:
    # Monthly partitions are made by the recorder and are not part of the schema's description.
    return not (type_ == "table" and name is not None and name.startswith("fact_event_"))


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=_ours,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _connect_and_run(url: str) -> None:
    engine = open_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


given = context.config.attributes.get("connection")
if context.is_offline_mode():
    context.configure(
        target_metadata=metadata,
        literal_binds=True,
        dialect_name="postgresql",
    )
    with context.begin_transaction():
        context.run_migrations()
elif given is not None:
    _run(given)
else:
    asyncio.run(_connect_and_run(context.get_x_argument(as_dictionary=True)["url"]))
