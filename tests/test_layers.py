"""What the import contracts cannot see: that pages and processes hand an engine on and leave the questions to storage.

They may name the engine and a connection, to begin a transaction and to end it, and know why the database failed.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HANDED_ON = {"sqlalchemy.ext.asyncio": {"AsyncConnection", "AsyncEngine"}}
"""Any name of `sqlalchemy.exc`, too, and `make_url` to take an address apart."""

QUESTIONS = {"exec_driver_sql", "execute", "executemany", "scalar", "scalars"}
EXEMPT = {"workers/bench"}
"""A bench measures what a statement of its own costs, as the floor below ours."""


def modules() -> list[Path]:
    found = [path for package in ("inbox", "workers") for path in (ROOT / package).rglob("*.py")]
    return [path for path in found if path.relative_to(ROOT).parent.as_posix() not in EXEMPT]


def spoken(source: str) -> Iterator[str]:
    """Where the source speaks to the database by itself."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (
                    f"line {node.lineno}: import {each.name}"
                    for each in names
                    if each.name.partition(".")[0] == "sqlalchemy"
                )
            case ast.ImportFrom(module=str(module), names=names) if (
                module.partition(".")[0] == "sqlalchemy" and module != "sqlalchemy.exc"
            ):
                allowed = HANDED_ON.get(module, {"make_url"})
                yield from (
                    f"line {node.lineno}: from {module} import {each.name}"
                    for each in names
                    if each.name not in allowed
                )
            case ast.Call(func=ast.Attribute(attr=name)) if name in QUESTIONS:
                yield f"line {node.lineno}: .{name}(…)"


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_pages_and_processes_speak_no_sql(path: Path) -> None:
    assert list(spoken(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "from sqlalchemy import text",
        "import sqlalchemy as sa",
        "from sqlalchemy.ext.asyncio import create_async_engine",
        "async def f(c): await c.execute(q)",
        "async def f(c): return (await c.scalars(q)).all()",
    ],
)
def test_what_is_not_allowed_is_seen(source: str) -> None:
    assert len(list(spoken(source))) == 1
