"""What the database said when it refused, in words for a person with what to do about it."""

import asyncpg
from sqlalchemy.exc import DBAPIError


def database_complaint(error: BaseException) -> str | None:
    """None when it is no error of the database."""
    match error:
        case DBAPIError(orig=BaseException() as cause):
            # SQLAlchemy's wrapper wraps its own wrapper of the driver's error.
            return _sentence(cause.__cause__ or cause)
        case asyncpg.PostgresError() | asyncpg.InterfaceError():
            return _sentence(error)
        case _:
            return None


def _sentence(cause: BaseException) -> str:
    match cause:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return f"The database refused us: {cause}. Look at ALLO_DATABASE_URL."
        case asyncpg.InvalidCatalogNameError():
            return f"{cause}. Create it: createdb --encoding UTF8 --locale C.UTF-8 --template template0 NAME."
        case asyncpg.UndefinedTableError():
            return f"The database has no such table yet: {cause}. Run `allo migrate`."
        case asyncpg.PostgresConnectionError() | OSError():
            return f"The database cannot be reached: {cause}. Look at ALLO_DATABASE_URL, or ask `allo doctor`."
        case _:
            return f"The database said: {cause}"
