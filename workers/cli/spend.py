"""`allo spend …`: what advertising cost, out of files."""

import hashlib
from pathlib import Path
from typing import Final
from uuid import UUID

import click
from babel.numbers import is_currency

from connectors.advertising.currency_rates import read_rates
from connectors.advertising.reading import AUTO, FORMATS, LARGEST, read_spend
from router.spending import Spending, last_spent
from storage.ad_account_choice import choose_ad_account
from storage.ad_accounts import LONGEST_NAME, AdAccount, all_ad_accounts
from storage.audit import write_audit
from storage.company import company_zone
from storage.engine import transaction
from storage.spend_plan import Plan, plan_spending
from storage.spend_reckoning import reckoning, set_rates
from storage.spending import Written, write_spending
from workers.cli.failures import Failed
from workers.cli.installation import Installation, in_records
from workers.cli.printing import print_json, print_table

AS_JSON = click.option("--json", "as_json", is_flag=True, help="For a program to read.")
NOBODY: Final = UUID(int=0)
"""The audit's object: there is one company."""
SHOWN: Final = 100
"""Problems, on standard error."""


@click.group()
def spend() -> None:
    """What advertising cost."""


@spend.command("import")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)
@click.option("--format", "format_", type=click.Choice(FORMATS), default=AUTO, show_default=True)
@click.option(
    "--account",
    "name",
    default="",
    help="Of which advertising account. Not needed where there is one only, or one of the file's platform.",
)
@click.option("--source", default="", help="Of a new account: what its links have as utm_source.")
@click.option("--medium", default="", help="The same for utm_medium; cpc unless it is said.")
@click.option("--currency", default="", help="Of a new account; the company's unless it is said.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.option(
    "--skip-bad-lines",
    is_flag=True,
    help="Of a file with lines that cannot be read, write the others; without it nothing is written.",
)
@AS_JSON
def import_(
    *,
    file: Path,
    format_: str,
    name: str,
    source: str,
    medium: str,
    currency: str,
    dry_run: bool,
    skip_bad_lines: bool,
    as_json: bool,
) -> None:
    """Import FILE: CSV, Yandex Direct's TSV, VK's JSON, CSV of Google or Meta Ads. `-` is standard input.

    It replaces what the account had for the days that the file covers; the same file again changes nothing. An account that
    is named with --source and is not there is made.
    """
    currency = currency.strip().upper()
    if currency and not is_currency(currency):
        raise click.UsageError(f"--currency takes three letters such as RUB, not {currency}.")
    if len(name) > LONGEST_NAME:
        raise click.UsageError(f"--account takes {LONGEST_NAME} characters at most.")
    data = _read(file)
    fingerprint = hashlib.sha256(data).hexdigest()

    async def story(here: Installation) -> tuple[Spending, AdAccount, Plan | None, Written | None]:
        said = await _readable(here, file, data, format_=format_)
        if said.refused and not skip_bad_lines and not dry_run:
            _complain(said)
            raise Failed(
                f"Nothing was written: {said.refused} of the lines cannot be read. Mend them,"
                " or write the others with --skip-bad-lines."
            )
        async with here.engine.connect() as connection, connection.begin() as whole:
            account = await choose_ad_account(
                connection,
                name=name,
                platform=said.format,
                source=source,
                medium=medium,
                currency=currency,
                now=here.now(),
            )
            if dry_run:
                plan = await plan_spending(connection, account.id, said, file_hash=fingerprint)
                # The account may have been made for this look only.
                await whole.rollback()
                return said, account, plan, None
            written = await write_spending(
                connection,
                account.id,
                said,
                how="file",
                file_hash=fingerprint,
                file_name=file.name if str(file) != "-" else "",
                by=None,
                now=here.now(),
            )
            return said, account, None, written

    said, account, plan, written = in_records(story)
    if as_json:
        print_json(
            {
                "account": account.name,
                "format": said.format,
                "dry_run": dry_run,
                "problems": said.problems,
                "refused": said.refused,
                **_figures(plan, written),
            }
        )
        return
    _complain(said)
    _tell(account, said, plan, written)
    if dry_run and said.refused and not skip_bad_lines:
        click.echo("Without --skip-bad-lines nothing of it will be written.", err=True)


@spend.command("rates")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)
@AS_JSON
def rates(*, file: Path, as_json: bool) -> None:
    """Import FILE, a CSV with the columns day, currency, rate: what one of a currency costs in the company's."""
    found, problems = read_rates(_read(file))
    if not found:
        raise Failed(f"{file}: {problems[0].reason if problems else 'There is no rate in it.'}")

    async def story(here: Installation) -> int:
        async with transaction(here.engine) as connection:
            own = (await reckoning(connection)).currency
            others = [each for each in found if each.currency != own]
            await set_rates(
                connection,
                [(each.currency, each.day, each.rate) for each in others],
                how="file",
            )
            await write_audit(
                connection,
                by=None,
                what="rates_imported",
                object_kind="company",
                object_id=NOBODY,
                now=here.now(),
                after={"rows": len(others), "file": file.name},
            )
            return len(others)

    written = in_records(story)
    if as_json:
        print_json({"written": written, "problems": problems})
        return
    for each in problems[:SHOWN]:
        click.echo(f"line {each.line}: {each.reason}", err=True)
    click.echo(f"{written} rates written, {len(problems)} lines not read.")


@spend.command("accounts")
@AS_JSON
def accounts(*, as_json: bool) -> None:
    """The advertising accounts there are."""

    async def story(here: Installation) -> list[AdAccount]:
        async with here.engine.connect() as connection:
            return list(await all_ad_accounts(connection))

    there = in_records(story)
    if as_json:
        print_json(
            {
                "items": [
                    {
                        "id": each.id,
                        "name": each.name,
                        "platform": each.platform,
                        "currency": each.currency,
                        "source": each.source,
                        "medium": each.medium,
                        "condition": each.condition,
                        "error": each.error,
                    }
                    for each in there
                ]
            }
        )
        return
    print_table(
        ("NAME", "PLATFORM", "CURRENCY", "SOURCE", "MEDIUM", "CONDITION", "ERROR"),
        [
            (
                each.name,
                each.platform,
                each.currency,
                each.source,
                each.medium,
                "archived" if each.archived_at else each.condition,
                each.error,
            )
            for each in there
        ],
    )


def _read(file: Path) -> bytes:
    try:
        with click.open_file(str(file), "rb") as stream:
            return bytes(stream.read(LARGEST + 1))
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}.") from error


async def _readable(here: Installation, file: Path, data: bytes, *, format_: str) -> Spending:
    """Raises Failed when there is nothing in it that could be written."""
    async with here.engine.connect() as connection:
        zone = await company_zone(connection, otherwise=here.settings.time_zone)
    said = read_spend(data, format_=format_, until=last_spent(here.now(), zone))
    if said.covered is None:
        if len(said.problems) > 1:
            _complain(said)
        raise Failed(f"{file}: {_first_refusal(said)}")
    return said


def _figures(plan: Plan | None, written: Written | None) -> dict[str, object]:
    done = written or plan
    if done is None:
        return {}
    return {
        "first_day": done.covered[0],
        "last_day": done.covered[1],
        "written": done.written,
        "replaced": done.replaced,
        "unchanged": written.unchanged if written else bool(plan and plan.unchanged_since),
        "totals": {code: str(total) for code, total in done.totals.items()},
        "import": written.id if written else None,
        "uncounted": done.uncounted,
        "without_rate": plan.without_rate if plan else None,
    }


def _complain(said: Spending) -> None:
    for each in said.problems[:SHOWN]:
        where = f"line {each.line}: " if each.line else ""
        click.echo(f"{where}{each.reason}{'' if each.refused else ' (kept)'}", err=True)
    if len(said.problems) > SHOWN:
        click.echo(f"… and {len(said.problems) - SHOWN} more", err=True)


def _tell(account: AdAccount, said: Spending, plan: Plan | None, written: Written | None) -> None:
    done = written or plan
    if done is None:
        return
    totals = ", ".join(f"{total:.2f} {code}" for code, total in done.totals.items()) or "nothing"
    days = f"{done.covered[0]} to {done.covered[1]}"
    if (written and written.unchanged) or (plan and plan.unchanged_since):
        click.echo(f"{account.name}: this was imported before, {days}; nothing changes.")
        return
    verb = "would be written" if plan else "written"
    click.echo(
        f"{account.name} ({said.format}), {days}: {done.written} rows {verb}, {totals};"
        f" {done.replaced} rows {'would be ' if plan else ''}replaced, {said.refused} lines not read."
    )
    if done.uncounted:
        click.echo(
            f"{done.uncounted} rows {'would ' if plan else ''}wait for a currency's rate: enter it in the settings.",
            err=True,
        )


def _first_refusal(said: Spending) -> str:
    first = next((each for each in said.problems if each.refused), None)
    if first is None:
        return "There is nothing in it that could be written."
    return f"line {first.line}: {first.reason}" if first.line else first.reason
