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


async def signature_of(connection: AsyncConnection, user_id: UUID) -> str:
    found = await connection.execute(
        text("select signature from user_account where id = :id"), {"id": user_id}
    )
    return str(found.scalar_one())


async def set_signature(connection: AsyncConnection, user_id: UUID, signature: str) -> None:
    """What stands under their mails; an empty one is none."""
    await connection.execute(
        text("update user_account set signature = :signature where id = :id"),
        {"id": user_id, "signature": signature},
    )


async def send_key_of(connection: AsyncConnection, user_id: UUID) -> str:
    """What sends: ctrl_enter or enter."""
    found = await connection.execute(
        text("select send_key from user_account where id = :id"), {"id": user_id}
    )
    return str(found.scalar_one())


async def set_send_key(connection: AsyncConnection, user_id: UUID, send_key: str) -> None:
    await connection.execute(
        text("update user_account set send_key = :send_key where id = :id"),
        {"id": user_id, "send_key": send_key},
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
