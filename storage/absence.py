"""Whether an error means that the database is not there now: then what was tried may be tried again."""

from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError as PoolTimeout

_GONE: Final = frozenset({"57P01", "57P02", "57P03", "08000", "08001", "08003", "08006", "53300"})
"""SQLSTATE: the server shuts down, crashed, is starting, the connection is lost, or there is none to spare."""


def is_database_away(error: BaseException) -> bool:
    match error:
        case DBAPIError():
            if error.connection_invalidated or isinstance(error, InterfaceError):
                return True
            # Also when it dies while a connection is being made: nothing was invalidated then, for there was nothing.
            state = getattr(error.orig, "sqlstate", None)
            return state in _GONE or (isinstance(error, OperationalError) and state is None)
        case FileNotFoundError():
            return error.filename is None  # a server's socket; of a file, the name would be told
        # asyncpg's refused connection is an OSError that SQLAlchemy passes on as it is.
        case PoolTimeout() | ConnectionError() | TimeoutError():
            return True
        case _:
            return False
