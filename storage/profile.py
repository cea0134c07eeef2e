"""What a colleague changes about themselves."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def set_language(connection: AsyncConnection, user_id: UUID, language: str) -> None:
    await connection.execute(
        text("update user_account set language = :language where id = :id"),
        {"id": user_id, "language": language},
    )


async def set_theme(connection: AsyncConnection, user_id: UUID, theme: str) -> None:
    """An empty theme follows the system."""
    await connection.execute(
        text("update user_account set theme = :theme where id = :id"),
        {"id": user_id, "theme": theme},
    )


async def set_password(
    connection: AsyncConnection, user_id: UUID, *, hashed: str, must_change: bool
) -> None:
    await connection.execute(
        text(
            "update user_account set password = :hashed, must_change_password = :must_change where id = :id"
        ),
        {"id": user_id, "hashed": hashed, "must_change": must_change},
    )


async def extension_of(connection: AsyncConnection, user_id: UUID) -> str:
    """Of the telephone exchange; "": none, or there is no such colleague any more."""
    found = await connection.execute(
        text("select extension from user_account where id = :id and disabled_at is null"),
        {"id": user_id},
    )
    return str(found.scalar() or "")


async def set_name(connection: AsyncConnection, user_id: UUID, name: str) -> None:
    await connection.execute(
        text("update user_account set name = :name where id = :id"), {"id": user_id, "name": name}
    )
