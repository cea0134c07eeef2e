"""Answers on standard output: a table for people, JSON for programs."""

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

import click
import msgspec


def print_json(value: Any) -> None:
    """Indented; dataclasses, ids and times as the API writes them."""
    click.echo(json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=2))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as their widest cell; the last one as long as it likes."""
    cells = [[_cell(each) for each in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(headings, *cells, strict=True)]
    for row in (list(headings), *cells):
        padded = [
            cell + " " * (width - _width(cell))
            for cell, width in zip(row[:-1], widths, strict=False)
        ]
        click.echo("  ".join([*padded, row[-1]]).rstrip())


def _cell(value: object) -> str:
    return " ".join(str("" if value is None else value).split())


def _width(cell: str) -> int:
    """Columns on a terminal: accents none, East Asian letters two."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in cell
    )
