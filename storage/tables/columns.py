"""The one metadata, and the column shapes that recur."""

from typing import Any

from sqlalchemy import Column, ForeignKey, MetaData, Text, text
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def key() -> "Column[Any]":
    """A UUIDv7 made in the process."""
    return Column("id", UUID, primary_key=True)


def ref(name: str, target: str, *, null: bool = False, **options: Any) -> "Column[Any]":
    """A foreign key to `target`.id; the caller indexes it."""
    return Column(name, UUID, ForeignKey(f"{target}.id", **options), nullable=null)


def moment(name: str, *, null: bool = False) -> "Column[Any]":
    return Column(name, TIMESTAMP(timezone=True), nullable=null)


def words(name: str, *, null: bool = False, default: str | None = None) -> "Column[Any]":
    """Text; `default` is the server's."""
    server_default = None if default is None else text(f"'{default}'")
    return Column(name, Text, nullable=null, server_default=server_default)


def one_of(name: str, *values: str) -> str:
    """The SQL of a check that `name` is one of `values`."""
    return f"{name} in ({', '.join(repr(value) for value in values)})"
