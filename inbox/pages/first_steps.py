"""What an empty inbox leads to: the first message, and then everybody else's."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.visit import Visit
from storage.reading.colleagues import list_accounts, list_users


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSteps:
    """`site`, `mail`: accounts that take a first message at once, "" when there is none. The rest is done or not."""

    site: str
    mail: str
    smtp: str
    smtp_command: str
    """To be pasted into a terminal: sends a letter to the listener."""
    telegram: bool
    colleagues: bool


async def first_steps(visit: Visit, connection: AsyncConnection) -> FirstSteps:
    active = [each for each in await list_accounts(connection) if each.state == "active"]
    slugs = {each.kind: each.slug for each in reversed(active)}
    users = [each for each in await list_users(connection) if each.disabled_at is None]
    smtp = visit.around.smtp_listen
    return FirstSteps(
        site=slugs.get("site_chat", ""),
        mail=slugs.get("email", ""),
        smtp=smtp,
        smtp_command=f"printf 'From: you@example.com\\nSubject: Hello\\n\\nIs anybody there?\\n' | "
        f"curl smtp://{smtp} --mail-from you@example.com --mail-rcpt shop@example.com -T -"
        if smtp
        else "",
        telegram="telegram" in slugs,
        colleagues=len(users) > 1,
    )
