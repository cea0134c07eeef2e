"""The schema's revision is known without Alembic, and Alembic says the same."""

import sys
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import revisions
from storage.engine import migrate, open_engine, schema_revision
from storage.revisions import MIGRATIONS, newest_revision
from tests.conftest import NewDatabase


async def test_the_newest_revision_is_the_one_alembic_names() -> None:
    assert newest_revision() == ScriptDirectory(str(MIGRATIONS)).get_current_head()


async def test_the_databases_revision_is_the_one_alembic_reads(database: AsyncEngine) -> None:
    async with database.connect() as connection:
        theirs = await connection.run_sync(
            lambda sync: MigrationContext.configure(sync).get_current_revision()
        )
    assert await schema_revision(database) == (theirs, theirs)


async def test_nothing_is_asked_of_alembic_when_nothing_is_to_be_done(
    database: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "alembic", None)  # importing it fails
    await migrate(database)


async def test_an_empty_database_is_brought_up(new_database: NewDatabase) -> None:
    engine = open_engine(await new_database())
    async with engine.begin() as connection:
        await connection.execute(text("drop schema public cascade"))
        await connection.execute(text("create schema public"))
    assert await schema_revision(engine) == (None, newest_revision())
    await migrate(engine)
    assert await schema_revision(engine) == (newest_revision(), newest_revision())
    await engine.dispose()


async def test_a_database_of_a_newer_allo_is_not_taken_for_ours(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        await connection.execute(text("update alembic_version set version_num = 'of_tomorrow'"))
    with pytest.raises(CommandError, match="of_tomorrow"):
        await migrate(database)


@pytest.mark.parametrize(
    ("scripts", "newest"),
    [
        ({"a": None}, "a"),
        ({"a": None, "b": "a", "c": "b"}, "c"),
        ({"a": None, "b": "a", "c": "a", "d": ("b", "c")}, "d"),
        ({"a": None, "b": "a", "c": "a"}, None),
        ({}, None),
    ],
)
async def test_the_newest_is_the_one_that_no_other_builds_upon(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scripts: dict[str, str | tuple[str, ...] | None],
    newest: str | None,
) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    for name, below in scripts.items():
        (versions / f"{name}.py").write_text(
            f"revision: str = {name!r}\ndown_revision: str | Sequence[str] | None = {below!r}\n"
        )
    monkeypatch.setattr(revisions, "MIGRATIONS", tmp_path)
    assert newest_revision.__wrapped__() == newest
