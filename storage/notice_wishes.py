"""How colleagues wish to be told, and when they are left in peace."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.notices import KINDS, Hours, Manner, Wish
from storage.reading.sight import Sight, sight_of

_PEOPLE: Final = text("""
    select u.id, u.role, u.sees, u.language, m.sound, m.push_text, m.quiet, m.quiet_from, m.quiet_to, m.time_zone
    from user_account u left join notification_manner m on m.user_id = u.id
    where u.disabled_at is null and (cast(:only as uuid) is null or u.id = :only)
""")
_WISHES: Final = text(
    "select user_id, kind, in_app, desktop, push from notification_wish"
    " where cast(:only as uuid) is null or user_id = :only"
)
_TEAMS: Final = text(
    "select m.user_id, t.id, t.hours, t.time_zone, t.holidays from team_member m join team t on t.id = m.team_id"
    " where cast(:only as uuid) is null or m.user_id = :only"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who works here, and how they are told. `wishes` has every kind."""

    id: UUID
    role: str
    sees: str
    language: str
    wishes: Mapping[str, Wish]
    manner: Manner
    teams: frozenset[UUID]
    hours: Sequence[Hours]

    @property
    def sight(self) -> Sight:
        return sight_of(user=self.id, role=self.role, sees=self.sees, teams=tuple(self.teams))


async def load_people(
    connection: AsyncConnection, *, only: UUID | None = None
) -> dict[UUID, Person]:
    """Everybody who can sign in, or the one: few enough to be asked for whole."""
    wishes: dict[UUID, dict[str, Wish]] = defaultdict(dict)
    for row in await connection.execute(_WISHES, {"only": only}):
        wishes[row.user_id][row.kind] = Wish(row.in_app, row.desktop, row.push)
    teams: dict[UUID, dict[UUID, Hours]] = defaultdict(dict)
    for row in await connection.execute(_TEAMS, {"only": only}):
        teams[row.user_id][row.id] = Hours(
            hours=row.hours, zone=row.time_zone, holidays=frozenset(row.holidays)
        )
    people: dict[UUID, Person] = {}
    for row in await connection.execute(_PEOPLE, {"only": only}):
        own = wishes.get(row.id, {})
        people[row.id] = Person(
            id=row.id,
            role=row.role,
            sees=row.sees,
            language=row.language,
            wishes={kind: own.get(kind, usual) for kind, usual in KINDS.items()},
            manner=Manner()
            if row.quiet is None
            else Manner(
                sound=row.sound,
                push_text=row.push_text,
                quiet=row.quiet,
                quiet_from=row.quiet_from,
                quiet_to=row.quiet_to,
                time_zone=row.time_zone,
            ),
            teams=frozenset(teams.get(row.id, {})),
            hours=tuple(teams.get(row.id, {}).values()),
        )
    return people


async def save_wishes(
    connection: AsyncConnection, user: UUID, *, wishes: Mapping[str, Wish], manner: Manner
) -> None:
    """All of them at once. What is as usual is not kept, so that it follows the usual."""
    await connection.execute(
        text("delete from notification_wish where user_id = :user"), {"user": user}
    )
    unusual = {kind: wish for kind, wish in wishes.items() if KINDS[kind] != wish}
    if unusual:
        await connection.execute(
            text(
                "insert into notification_wish (user_id, kind, in_app, desktop, push)"
                " values (:user, :kind, :in_app, :desktop, :push)"
            ),
            [
                {
                    "user": user,
                    "kind": kind,
                    "in_app": wish.in_app,
                    "desktop": wish.desktop,
                    "push": wish.push,
                }
                for kind, wish in unusual.items()
            ],
        )
    await connection.execute(
        text(
            "insert into notification_manner (user_id, sound, push_text, quiet, quiet_from, quiet_to, time_zone)"
            " values (:user, :sound, :push_text, :quiet, :quiet_from, :quiet_to, :time_zone)"
            " on conflict (user_id) do update set sound = excluded.sound, push_text = excluded.push_text,"
            "  quiet = excluded.quiet, quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to,"
            "  time_zone = excluded.time_zone"
        ),
        {
            "user": user,
            "sound": manner.sound,
            "push_text": manner.push_text,
            "quiet": manner.quiet,
            "quiet_from": manner.quiet_from,
            "quiet_to": manner.quiet_to,
            "time_zone": manner.time_zone,
        },
    )
