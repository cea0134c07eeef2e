"""What an installation has before anybody did anything: a team, a pipeline, two accounts to try, an administrator.

Done once: what a person removes afterwards does not come back. Two processes that start together do it once between
them. What is there already, from a restored backup say, is left as it is.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.ids import new_id
from storage.accounts import add_account
from storage.colleagues import create_user
from storage.sealing import Sealer
from storage.teams import create_team

Language = Literal["ru", "en"]

ADMINISTRATOR: Final = "admin@localhost"

_LOCK: Final = 7215002
_DONE: Final = "first_run"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    administrator: str
    team: str
    pipeline: str
    new: str
    qualification: str
    in_work: str
    won: str
    lost: str
    lost_reasons: tuple[str, ...]


_WORDS: Final[dict[Language, _Words]] = {
    "ru": _Words(
        administrator="Администратор",
        team="Общая команда",
        pipeline="Продажи",
        new="Новый",
        qualification="Квалификация",
        in_work="В работе",
        won="Выиграно",
        lost="Проиграно",
        lost_reasons=("Дорого", "Не дозвонились", "Выбрали других", "Не наша работа", "Передумали"),
    ),
    "en": _Words(
        administrator="Administrator",
        team="Everybody",
        pipeline="Sales",
        new="New",
        qualification="Qualification",
        in_work="In work",
        won="Won",
        lost="Lost",
        lost_reasons=(
            "Too expensive",
            "Could not reach them",
            "Went elsewhere",
            "Not our kind of work",
            "Changed their mind",
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """`administrator`: the address that the given password opens, to be shown once; None: there was somebody already."""

    administrator: str | None


async def is_founded(connection: AsyncConnection) -> bool:
    """Cheap, and without a lock: whether there is anything left to do."""
    found = await connection.execute(
        text("select true from setting where name = :name"), {"name": _DONE}
    )
    return found.scalar() is not None


async def found(
    connection: AsyncConnection,
    *,
    password: str,
    sealer: Sealer,
    now: datetime,
    language: Language = "ru",
    time_zone: str = "Europe/Moscow",
    currency: str = "RUB",
) -> Founded:
    """`password` is the argon2 hash of a one-time password; it is shown only if `Founded` says that it is used."""
    await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if await is_founded(connection):
        return Founded(administrator=None)
    words = _WORDS[language]
    if await _none(connection, "team"):
        await create_team(
            connection, name=words.team, time_zone=time_zone, is_default=True, now=now
        )
    if await _none(connection, "pipeline"):
        await _add_pipeline(connection, words, currency=currency)
    if await _none(connection, "account"):
        for kind, slug, fields in (
            ("site_chat", "site", {}),
            ("email", "mail", {"mode": "smtp"}),
        ):
            await add_account(
                connection,
                kind=kind,
                slug=slug,
                fields=fields,
                secrets=frozenset(),
                sealer=sealer,
                now=now,
                language=language,
            )
    administrator = None
    if await _none(connection, "user_account"):
        await create_user(
            connection,
            email=ADMINISTRATOR,
            name=words.administrator,
            role="admin",
            password=password,
            must_change_password=True,
            now=now,
        )
        administrator = ADMINISTRATOR
    await connection.execute(
        text(
            "insert into setting (name, value) values (:name, to_jsonb(cast(:now as timestamptz)))"
        ),
        {"name": _DONE, "now": now},
    )
    return Founded(administrator=administrator)


async def _none(connection: AsyncConnection, table: str) -> bool:
    found = await connection.execute(
        text(f"select not exists (select from {table})")  # noqa: S608  # our own names
    )
    return bool(found.scalar_one())


async def _add_pipeline(connection: AsyncConnection, words: _Words, *, currency: str) -> None:
    pipeline = new_id()
    await connection.execute(
        text(
            "insert into pipeline (id, name, position, currency, lost_reasons)"
            " values (:id, :name, 1, :currency, :reasons)"
        ),
        {
            "id": pipeline,
            "name": words.pipeline,
            "currency": currency,
            "reasons": list(words.lost_reasons),
        },
    )
    stages = (
        (words.new, "open"),
        (words.qualification, "qualified"),
        (words.in_work, "open"),
        (words.won, "won"),
        (words.lost, "lost"),
    )
    await connection.execute(
        text("""
            insert into stage (id, pipeline_id, name, kind, position)
            select s.id, :pipeline, s.name, s.kind, s.position
            from unnest(cast(:ids as uuid[]), cast(:names as text[]), cast(:kinds as text[]))
                 with ordinality as s(id, name, kind, position)
        """),
        {
            "pipeline": pipeline,
            "ids": [new_id() for _ in stages],
            "names": [name for name, _ in stages],
            "kinds": [kind for _, kind in stages],
        },
    )
