"""Who calls: asked while the telephone rings, so it is one look-up by an index."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerRow:
    """`extension`: of the colleague whose customer it is, while they are on duty; "" else."""

    name: str
    extension: str


_CALLER = text("""
    select c.name, coalesce(u.extension, '') as extension
    from identity i
    join contact c on c.id = i.contact_id and not c.blocked
    left join lead l on l.contact_id = c.id and l.status = 'open' and l.manager_id is not null
    left join user_account u
        on u.id = coalesce(c.manager_id, l.manager_id) and u.disabled_at is null and u.presence = 'here'
    where i.kind = 'phone' and i.value = :phone and i.proved and not i.shared
    limit 1
""")


async def caller(connection: AsyncConnection, phone: str) -> CallerRow | None:
    """`phone` in E.164."""
    row = (await connection.execute(_CALLER, {"phone": phone})).one_or_none()
    return None if row is None else CallerRow(name=row.name, extension=row.extension)
