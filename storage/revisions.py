"""Which revision the schema has, and which is the newest: known without Alembic.

Every start and every command asks, and nearly always the answer is that nothing is to be done. Alembic takes longer to
import than all of that takes to find out, and stays in memory; so it is called only when the two differ.
"""

import re
from ast import literal_eval
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MIGRATIONS: Final = Path(__file__).parent / "migrations"

_NAMED: Final = re.compile(r"^(revision|down_revision)\b[^=\n]*=\s*(.+)$", re.MULTILINE)
"""As `script.py.mako` writes them."""


@cache
def newest_revision() -> str | None:
    """The one that no other builds upon; None when that is not plain, and Alembic is to say what is wrong."""
    revisions, built_upon = set(), set()
    for script in (MIGRATIONS / "versions").glob("[!_]*.py"):
        named = {name: literal_eval(value) for name, value in _NAMED.findall(script.read_text())}
        revisions.add(named.get("revision"))
        below = named.get("down_revision")
        built_upon |= set(below) if isinstance(below, tuple) else {below}
    heads = revisions - built_upon
    return heads.pop() if len(heads) == 1 else None


async def revision_of(connection: AsyncConnection) -> str | None:
    """None: an empty database, or one that Alembic has to make sense of."""
    there = await connection.execute(text("select to_regclass('alembic_version') is not null"))
    if not there.scalar_one():
        return None
    found = (await connection.execute(text("select version_num from alembic_version"))).scalars()
    revisions: list[str] = list(found)
    return revisions[0] if len(revisions) == 1 else None
