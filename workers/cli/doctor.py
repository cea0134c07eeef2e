"""`allo doctor`: what is wrong, and what to do about it."""

import asyncio
from collections import Counter

import click
from sqlalchemy.exc import SQLAlchemyError

from storage.embedded import CannotStart
from workers.broker import BrokerDown
from workers.cli.failures import sentence_for
from workers.cli.installation import installation
from workers.cli.printing import print_json
from workers.clock import utc_now
from workers.doctor.advertising import examine_advertising
from workers.doctor.broker import examine_broker
from workers.doctor.channels import examine_channels
from workers.doctor.database import examine_database, examine_work
from workers.doctor.finding import Finding, Level, broken, fine
from workers.doctor.machine import examine_machine
from workers.doctor.spool import examine_spool
from workers.settings import Settings, load_settings

MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "error": ("BROKEN", "red")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
@click.option("--quiet", is_flag=True, help="Only what is not in order.")
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool, quiet: bool) -> None:
    """Look at everything and say what is wrong and what to do. Exit status 1 when something is broken."""
    findings = asyncio.run(_examine(load_settings()))
    levels: Counter[Level] = Counter(each.level for each in findings)
    if as_json:
        print_json({"ok": not levels["error"], "findings": findings})
    else:
        for each in findings:
            if quiet and each.level == "ok":
                continue
            mark, colour = MARKS[each.level]
            click.echo(f"{click.style(f'{mark:8}', fg=colour)} {each.about}: {each.text}")
            if each.advice:
                click.echo(f"         → {each.advice}")
        if not quiet:
            click.echo(_sum(levels))
    ctx.exit(1 if levels["error"] else 0)


def _sum(levels: Counter[Level]) -> str:
    if not levels["error"] and not levels["warning"]:
        return "Everything is in order."
    return f"{levels['error']} broken, {levels['warning']} to look at, {levels['ok']} in order."


async def _examine(settings: Settings) -> list[Finding]:
    findings = await examine_machine(settings)
    findings += await examine_spool(settings.spool_dir, now=utc_now)
    if settings.embedded and not (settings.postgres_dir / "data").exists():
        return [*findings, fine("database", "There is none yet: the first `allo serve` makes it.")]
    try:
        async with installation(settings) as here:
            of_database = await examine_database(
                here.engine, now=here.now, embedded=settings.embedded
            )
            findings += of_database
            if not any(each.about == "schema" and each.level == "error" for each in of_database):
                findings += await examine_work(here.engine, now=here.now)
                async with here.broker() as broker:
                    findings += await examine_broker(broker, url=settings.broker_url)
                findings += await examine_channels(here.channels)
                findings += await examine_advertising(here.engine)
    except (OSError, SQLAlchemyError, CannotStart, BrokerDown) as error:
        findings.append(
            broken(
                "database", sentence_for(error), "Nothing behind the database could be looked at."
            )
        )
    return findings
