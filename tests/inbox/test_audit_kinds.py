"""Whatever the code writes down into the audit has words, in every language: a key is nothing for a person to read."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from inbox.audit_words import DONE, KINDS
from inbox.desk import BulkKind

ROOT = Path(__file__).parents[2]
PACKAGES = ("inbox", "storage", "workers", "sandbox")


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, ast.parse(path.read_text())


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def values(node: ast.expr, function: ast.AST, module: ast.Module) -> Iterator[str]:
    """What an argument may be: written out, one of two, named before, or given by whoever calls the function it is in."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp():
            yield from values(node.body, function, module)
            yield from values(node.orelse, function, module)
        case ast.JoinedStr(values=[ast.Constant(value="bulk_"), _]):
            yield from (f"bulk_{kind}" for kind in get_args(BulkKind))
        case ast.Name(id=name):
            for each in ast.walk(function):
                if isinstance(each, ast.Assign) and any(
                    isinstance(one, ast.Name) and one.id == name for one in each.targets
                ):
                    yield from values(each.value, function, module)
            yield from given(name, function, module)


def given(name: str, function: ast.AST, module: ast.Module) -> Iterator[str]:
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    names = [each.arg for each in function.args.args if each.arg != "self"]
    if name not in names and name not in {each.arg for each in function.args.kwonlyargs}:
        return
    for inside, call in calls(module):
        if called(call) != function.name:
            continue
        for each in call.keywords:
            if each.arg == name:
                yield from values(each.value, inside, module)
        if name in names and names.index(name) < len(call.args):
            yield from values(call.args[names.index(name)], inside, module)


def calls(module: ast.Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    yield function, node


@cache
def written() -> dict[tuple[str, str], set[str]]:
    """By (file, line) of a line into the audit: what it says was done, and of what."""
    found: dict[tuple[str, str], set[str]] = {}
    for path, module in trees():
        for function, call in calls(module):
            passes_on = getattr(function, "name", "") == "note_in_audit"
            if called(call) not in {"write_audit", "audit", "note_in_audit"} or passes_on:
                continue
            keywords = {each.arg: each.value for each in call.keywords}
            of_visit = called(call) == "note_in_audit"
            of_method = of_visit or (called(call) == "audit" and len(call.args) > 3)
            for column, place in (
                (("what", 1), ("kind", 2)) if of_visit else (("what", 2), ("kind", 3))
            ):
                argument = keywords.get(column if column == "what" else "object_kind")
                if argument is None and of_method:
                    argument = call.args[place]
                if argument is not None:
                    at = f"{path.relative_to(ROOT)}:{call.lineno}"
                    found.setdefault((column, at), set()).update(values(argument, function, module))
    return found


def test_every_line_into_the_audit_is_understood_by_this_test():
    lines = written()
    assert len(lines) > 60
    assert {at for at, texts in lines.items() if not texts} == set()


@pytest.mark.parametrize(("column", "words"), [("what", DONE), ("kind", KINDS)])
def test_everything_that_is_written_into_the_audit_has_words(column, words):
    lines = written()
    without = {
        f"{text} ({at})"
        for (of, at), texts in lines.items()
        for text in texts
        if of == column and text not in words
    }
    assert without == set()
