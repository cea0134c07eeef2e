"""A new installation: what `storage.first_run` gives it, and the one-time password of its first administrator.

And the rules that name sources: also of an installation that is older than they are.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.passwords import hash_password, one_time_password
from storage.engine import transaction
from storage.first_run import ADMINISTRATOR, found, is_founded
from storage.sealing import Sealer
from storage.sources import seed_rules
from workers.clock import Clock
from workers.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAdministrator:
    """To be shown once: the password is kept nowhere."""

    email: str
    password: str


async def found_installation(
    engine: AsyncEngine, *, settings: Settings, now: Clock
) -> FirstAdministrator | None:
    """Once in an installation's life; afterwards, and where there are colleagues already, None."""
    async with transaction(engine) as connection:
        await seed_rules(connection, language=settings.language, now=now())
    async with engine.connect() as connection:
        if await is_founded(connection):
            return None
    password = one_time_password()
    hashed = await hash_password(password)
    async with transaction(engine) as connection:
        founded = await found(
            connection,
            password=hashed,
            sealer=Sealer(settings.secret),
            now=now(),
            language=settings.language,
            time_zone=settings.time_zone,
            currency=settings.currency,
        )
    if founded.administrator is None:
        return None
    return FirstAdministrator(email=ADMINISTRATOR, password=password)
