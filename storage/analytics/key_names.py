"""What the keys of a report's rows are called: colleagues, accounts, pipelines, sources by their ids."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_NAMED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "manager": "select id, coalesce(nullif(name, ''), email) as name from user_account",
        "account": "select id, slug as name from account",
        "pipeline": "select id, name from pipeline",
        "source": "select id, name from source",
        "team": "select id, name from team",
        "stage": "select id, name from stage",
    }
)


async def names_of(
    connection: AsyncConnection, grouping: str, keys: Collection[str]
) -> dict[str, str]:
    """By key, those there are; nothing for groupings whose keys are words themselves."""
    ids = [id_ for each in keys if (id_ := _uuid(each)) is not None]
    if grouping not in _NAMED or not ids:
        return {}
    found = await connection.execute(
        text(f"{_NAMED[grouping]} where id = any(cast(:ids as uuid[]))"), {"ids": ids}
    )
    return {str(row.id): row.name for row in found}


async def all_names(connection: AsyncConnection, grouping: str) -> dict[str, str]:
    """By key, in their order: what a filter offers."""
    found = await connection.execute(text(f"{_NAMED[grouping]} order by 2 limit 500"))
    return {str(row.id): row.name for row in found}


_CALLED: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{
            grouping: f"select cast(id as text) as key, name from ({named}) named"  # noqa: S608  # our own words
            for grouping, named in _NAMED.items()
        },
        "source": """
            select cast(id as text) as key, name from source
            union all select source || ' / ' || medium, source || ' / ' || medium from origin
            where source_id is null and (source, medium) <> ('', '') group by source, medium
        """,
        "channel": "select kind as key, kind as name from account group by kind",
    }
)
CALLED: Final = frozenset(_CALLED)
"""What has names of ours, or is one of few: a key of it that is not there is a mistake."""


async def keys_called(connection: AsyncConnection, grouping: str, called: str) -> list[str]:
    """Of what has this key or this name."""
    found = await connection.execute(
        text(f"select key from ({_CALLED[grouping]}) x where key = :called or name = :called"),  # noqa: S608
        {"called": called},
    )
    return list(found.scalars())


async def names_there(connection: AsyncConnection, grouping: str) -> list[str]:
    found = await connection.execute(
        text(f"select distinct name from ({_CALLED[grouping]}) x order by 1 limit 100")  # noqa: S608
    )
    return list(found.scalars())


async def channels_known(connection: AsyncConnection) -> list[str]:
    """Kinds of the accounts there are, or were."""
    found = await connection.execute(text("select distinct kind from account order by 1"))
    return list(found.scalars())


async def unmapped_sources(connection: AsyncConnection) -> list[str]:
    """Keys of the sources that no rule names, those seen last first."""
    found = await connection.execute(
        text(
            "select source || ' / ' || medium as key from origin where source_id is null"
            " and (source, medium) <> ('', '') group by 1 order by max(first_seen) desc limit 100"
        )
    )
    return list(found.scalars())


def _uuid(key: str) -> UUID | None:
    try:
        return UUID(key)
    except ValueError:
        return None
