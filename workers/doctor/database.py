"""The database: can it be reached, is it one that Allo can live in, is its schema ours, does its clock agree."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from storage.backups import LastBackup, last_backup
from storage.condition import Backlog, DatabaseFacts, backlog, database_facts
from storage.engine import schema_revision
from workers.clock import Clock
from workers.doctor.finding import Finding, broken, doubtful, fine

OLDEST: Final = 15
EXTENSIONS: Final = frozenset({"fuzzystrmatch", "pg_trgm", "unaccent"})
SKEW: Final = timedelta(seconds=2)
BACKUP_AGE: Final = timedelta(days=7)
FACT_AGE: Final = timedelta(minutes=5)


async def examine_database(engine: AsyncEngine, *, now: Clock, embedded: bool) -> list[Finding]:
    """Empty schema or not; what is in it is examined by `examine_work`."""
    async with engine.connect() as connection:
        asked = now()
        facts = await database_facts(connection)
        answered = now()
    there, newest = await schema_revision(engine)
    return [
        *_server(facts, embedded=embedded),
        # They come with the schema.
        *(_extensions(facts) if there else ()),
        _clock(facts.clock - (asked + (answered - asked) / 2)),
        _schema(there, newest),
    ]


async def examine_work(engine: AsyncEngine, *, now: Clock) -> list[Finding]:
    async with engine.connect() as connection:
        waiting = await backlog(connection, now=now())
        backup = await last_backup(connection)
    return [*_backlog(waiting, now=now()), _backup(backup, now=now())]


def _server(facts: DatabaseFacts, *, embedded: bool) -> Iterator[Finding]:
    which = "The embedded PostgreSQL" if embedded else "PostgreSQL"
    if facts.version < OLDEST:
        yield broken(
            "database",
            f"{which} is of version {facts.version}, and Allo needs {OLDEST} or newer.",
            "Update the server.",
        )
    else:
        yield fine("database", f"{which} {facts.version} answers.")
    if facts.encoding != "UTF8" or not facts.folds:
        yield broken(
            "letters",
            f"In this database (encoding {facts.encoding}, locale {facts.locale or 'none'}) Ж and ж are two letters: "
            "searches miss what they should find.",
            "Make it anew: createdb --encoding UTF8 --locale C.UTF-8 --template template0 NAME, then `allo backup` from "
            "the old one and `allo restore` into it.",
        )
    else:
        yield fine("letters", "The database knows Cyrillic letters, capital and small.")
    if facts.connections > facts.connections_allowed * 0.8:
        yield doubtful(
            "connections",
            f"{facts.connections} of {facts.connections_allowed} connections are in use.",
            "Raise max_connections, or run fewer processes.",
        )


def _extensions(facts: DatabaseFacts) -> Iterator[Finding]:
    if missing := EXTENSIONS - facts.extensions:
        yield broken(
            "extensions",
            f"The database lacks {', '.join(sorted(missing))}.",
            "`allo migrate` makes them; where it may not, install PostgreSQL's contrib package and have its "
            "administrator say: create extension NAME.",
        )


def _clock(skew: timedelta) -> Finding:
    if abs(skew) > SKEW:
        return broken(
            "clock",
            f"The database's clock and this machine's differ by {abs(skew).total_seconds():.0f} s.",
            "Set both by NTP: leases, retries and reports go by them.",
        )
    return fine("clock", "This machine's clock and the database's agree.")


def _schema(there: str | None, newest: str | None) -> Finding:
    if there == newest:
        return fine("schema", f"The schema is up to date ({there}).")
    if there is None:
        return broken(
            "schema", "The database is empty.", "Run `allo migrate`, or start `allo serve`."
        )
    return broken(
        "schema",
        f"The schema is {there}, and this Allo needs {newest}.",
        "Run `allo migrate`; if the database is ahead, update Allo on this machine.",
    )  # fmt: skip


def _backlog(waiting: Backlog, *, now: datetime) -> Iterator[Finding]:
    if waiting.late_replies:
        yield doubtful(
            "replies",
            f"{waiting.late_replies} replies should have gone out more than five minutes ago.",
            "Is `allo serve` with the role workers running, and does `allo channel check` reach the platforms?",
        )
    if waiting.failed_replies or waiting.unknown_replies:
        yield doubtful(
            "replies",
            f"In the last day {waiting.failed_replies} replies failed, and of {waiting.unknown_replies} it is not known "
            "whether they arrived.",
            "They are marked red in their conversations, where a person can send them again.",
        )
    if not (waiting.late_replies or waiting.failed_replies or waiting.unknown_replies):
        yield fine("replies", "No reply waits, failed or is in doubt.")
    if waiting.oldest_fact and now - waiting.oldest_fact > FACT_AGE:
        yield doubtful(
            "outbox",
            f"{waiting.unpublished_facts} facts wait for the broker, the oldest since {waiting.oldest_fact:%Y-%m-%d %H:%M} UTC.",
            "Is `allo serve` with the role workers running, and does the broker answer?",
        )
    if waiting.dead_letters:
        yield doubtful(
            "dead letters",
            f"{waiting.dead_letters} messages could not be processed.",
            "`allo dead list` says why; `allo dead replay` puts them back, `allo dead drop` closes them.",
        )
    else:
        yield fine("dead letters", "There are none.")


def _backup(backup: LastBackup | None, *, now: datetime) -> Finding:
    if backup is None:
        return doubtful("backup", "There has been no backup yet.", "`allo backup FILE` makes one.")
    said = f"The last backup is of {backup.at:%Y-%m-%d %H:%M} UTC ({backup.size / 1e6:.1f} MB)."
    if now - backup.at > BACKUP_AGE:
        return doubtful(
            "backup", said, "`allo backup FILE` makes one; a timer makes one every night."
        )
    return fine("backup", said)  # fmt: skip
