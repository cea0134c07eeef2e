"""`allo report …`: the reports, on a terminal or as a file."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from inbox.languages import LANGUAGES, language as spoken
from inbox.reports import csv_file, xlsx_file
from inbox.reports.asking import NotUnderstood, ask
from inbox.reports.catalogue import REPORTS
from inbox.reports.look import Look
from inbox.reports.naming import NOWHERE
from inbox.reports.periods import COMPARED, NAMED
from inbox.reports.plain import plain
from inbox.reports.sheet import Line, Sheet
from inbox.reports.wish import BASES, WITHOUT, ReportWish, day_of
from storage.analytics.key_names import CALLED, keys_called, names_there
from storage.analytics.models import ALL as MODELS
from storage.analytics.rules import NOBODY
from workers.cli.failures import Failed
from workers.cli.installation import Installation, in_records
from workers.cli.printing import print_json, print_table

FORMATS: Final = ("table", "csv", "json", "xlsx")


@click.command()
@click.argument("name", type=click.Choice(list(REPORTS)))
@click.option("--from", "first", metavar="DAY", help="The first day, 2026-11-01.")
@click.option("--to", "last", metavar="DAY", help="The last day, included.")
@click.option("--period", type=click.Choice(list(NAMED)), help="In place of --from and --to.")
@click.option(
    "--compare", type=click.Choice(COMPARED), help="With the days before, or a year earlier."
)
@click.option("--by", help="What the rows are: source, campaign, channel, manager, day…")
@click.option(
    "--basis", type=click.Choice(BASES), help="By when leads were created, or things happened."
)
@click.option("--model", type=click.Choice(MODELS), help="How a lead is shared among touches.")
@click.option(
    "--only",
    "only",
    metavar="NAME=KEY",
    multiple=True,
    help="Narrows: source=…, manager=…, by key or by name; without=campaign.",
)
@click.option("--format", "kind", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default="en",
    show_default=True,
    help="Of headings and names.",
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Instead of standard output.",
)
def report(  # one per option
    *,
    name: str,
    first: str | None,
    last: str | None,
    period: str | None,
    compare: str | None,
    by: str | None,
    basis: str | None,
    model: str | None,
    only: Sequence[str],
    kind: str,
    language: str,
    output: Path | None,
) -> None:
    """A report's figures: sources, summary, funnel, managers, calls. The last 30 days, if nothing else is said."""
    query = _query(name, only, {"from": first, "to": last, "period": period, "compare": compare,
                                "by": by, "basis": basis, "model": model})  # fmt: skip
    if kind == "xlsx" and output is None and sys.stdout.isatty():
        raise click.UsageError("A workbook is no text: give it a file with --output.")

    async def story(here: Installation) -> tuple[ReportWish, Look, Sheet]:
        async with here.engine.connect() as connection:
            keys = {what: await _key(connection, what, of) for what, of in query.items()}
            try:
                return await ask(
                    connection,
                    name,
                    keys,
                    language=spoken(language),
                    time_zone=here.settings.time_zone,
                    now=here.now(),
                )
            except NotUnderstood as error:
                raise click.UsageError(
                    f"The report of {name} does not understand {error}."
                ) from error

    wish, look, sheet = in_records(story)
    match kind:
        case "csv":
            _write(csv_file.csv_file(sheet, look.language), output)
        case "xlsx":
            _write(xlsx_file.xlsx_file(sheet, look.language), output)
        case "json":
            print_json(_as_json(wish, sheet))
        case _:
            _print(sheet, look)


def _query(name: str, only: Sequence[str], given: Mapping[str, str | None]) -> dict[str, str]:
    spec = REPORTS[name][0]
    query = {option: value for option, value in given.items() if value}
    for option in ("from", "to"):
        if option in query and day_of(query[option]) is None:
            raise click.UsageError(f"--{option} takes a day from 2000 to 2099, as 2026-11-01.")
    if "by" in query and query["by"] not in spec.groupings:
        raise click.UsageError(f"--by of this report is one of {', '.join(spec.groupings)}.")
    for each in only:
        what, sign, key = each.partition("=")
        if not sign or not key or what not in (*spec.filters, WITHOUT):
            raise click.UsageError(
                f"--only takes NAME=KEY, the name one of {', '.join((*spec.filters, WITHOUT))}."
            )
        if what in query and what != WITHOUT:
            raise click.UsageError(f"--only {what} is given twice.")
        query[what] = f"{query[what]},{key}" if what in query else key
    return query


async def _key(connection: AsyncConnection, what: str, called: str) -> str:
    """Of what is called so, or has this key. One that is not there would be answered with zeros."""
    if what not in CALLED or called in {str(NOBODY), NOWHERE}:
        return called
    match await keys_called(connection, what, called):
        case [key]:
            return key
        case []:
            there = ", ".join(await names_there(connection, what))
            raise click.UsageError(
                f"--only {what}={called}: there is no such {what}. There are: {there or 'none'}."
            )
        case keys:
            raise click.UsageError(
                f"--only {what}={called}: several are called so. Take a key: {', '.join(keys)}."
            )


def _write(content: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise Failed(f"{output} cannot be written: {error.strerror}") from error
    click.echo(f"{output}: {len(content)} bytes", err=True)


def _as_json(wish: ReportWish, sheet: Sheet) -> dict[str, object]:
    return {
        "report": wish.spec.name,
        "from": wish.period.first,
        "to": wish.period.last,
        "by": wish.by,
        "basis": wish.basis if wish.spec.bases else "",
        "model": wish.model if wish.spec.models else "",
        "currency": sheet.currency,
        "rows": [_row(line, sheet) for line in sheet.lines],
        "total": _row(sheet.total, sheet) if sheet.total is not None else None,
        "notes": list(sheet.notes),
    }


def _row(line: Line, sheet: Sheet) -> dict[str, object]:
    return {
        "key": line.key,
        "name": line.name,
        "values": plain(line.values, sheet),
        "previous": plain(line.before, sheet) if line.before else None,
    }


def _print(sheet: Sheet, look: Look) -> None:
    shown = sheet.only_columns(())
    lines = [*shown.lines, *([shown.total] if shown.total is not None else [])]
    print_table(
        (shown.heading, *(each.label for each in shown.columns)),
        [
            (line.name, *(look.say(line.values.get(each.name), each) for each in shown.columns))
            for line in lines
        ],
    )
    for what, answer in sheet.asked:
        click.echo(f"{what}: {answer}", err=True)
    for note in (*sheet.notes, *sheet.hints):
        click.echo(note, err=True)
