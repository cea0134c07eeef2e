"""What the business says of itself, and how careful it wants merging to be: a few words in `setting`."""

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

COMPANY: Final = "company"
MERGING: Final = "merge_policy"
FIRST_STEPS: Final = "first_steps"

_JSON: Final = JSONB()

MergePolicy = Literal["strict", "ask"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Empty where nothing was said: then it is as the settings of the installation have it."""

    name: str = ""
    time_zone: str = ""
    language: str = ""
    currency: str = ""


async def read_company(connection: AsyncConnection) -> Company:
    kept = await setting(connection, COMPANY) or {}
    known = Company.__dataclass_fields__
    return Company(**{name: str(value) for name, value in kept.items() if name in known})


async def company_zone(connection: AsyncConnection, *, otherwise: str) -> str:
    """By whose clock a day begins: the company's, or else the installation's."""
    return (await read_company(connection)).time_zone or otherwise


async def save_company(connection: AsyncConnection, company: Company) -> None:
    """New leads are in its currency, in pipelines that were in the last one."""
    before = await read_company(connection)
    await put(connection, COMPANY, asdict(company))
    if company.currency and company.currency != before.currency:
        await connection.execute(
            text("""
                update pipeline set currency = :now
                where currency = coalesce(nullif(:before, ''), (select currency from pipeline order by position limit 1))
            """),
            {"now": company.currency, "before": before.currency},
        )


async def merge_policy(connection: AsyncConnection) -> MergePolicy:
    return "ask" if await setting(connection, MERGING) == "ask" else "strict"


async def set_merge_policy(connection: AsyncConnection, policy: MergePolicy) -> None:
    await put(connection, MERGING, policy)


async def default_currency(connection: AsyncConnection) -> str:
    """Of the first pipeline: what new leads are in."""
    found = await connection.execute(
        text("select currency from pipeline order by position limit 1")
    )
    return str(found.scalar() or "")


async def company_currency(connection: AsyncConnection) -> str:
    """What all money in reports is in. Before there is any pipeline there is no money either, yet a page has to say one."""
    said = (await read_company(connection)).currency
    return said or await default_currency(connection) or "RUB"


async def setting(connection: AsyncConnection, name: str) -> Any:
    """None when it was never set."""
    found = await connection.execute(
        text("select value from setting where name = :name").columns(value=_JSON), {"name": name}
    )
    return found.scalar_one_or_none()


async def put(connection: AsyncConnection, name: str, value: Any) -> None:
    await connection.execute(
        text("""
            insert into setting (name, value) values (:name, :value)
            on conflict (name) do update set value = excluded.value
        """).bindparams(bindparam("value", type_=_JSON)),
        {"name": name, "value": value},
    )
