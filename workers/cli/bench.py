"""`allo bench …`: every module of `workers/bench/` that declares a `bench` is one."""

import importlib
import importlib.util
import pkgutil

import click
from typing_extensions import override

from workers.cli.failures import Failed

PACKAGE = "workers.bench"


class Benches(click.Group):
    """The modules of `workers/bench/` by their names."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        found = importlib.util.find_spec(PACKAGE)
        places = (found.submodule_search_locations or []) if found else []
        return [
            each.name
            for each in pkgutil.iter_modules(places)
            if hasattr(importlib.import_module(f"{PACKAGE}.{each.name}"), "bench")
        ]

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        found: click.Command = importlib.import_module(f"{PACKAGE}.{cmd_name}").bench
        return found


@click.command(cls=Benches, invoke_without_command=True)
@click.pass_context
def bench(ctx: click.Context) -> None:
    """Measure: ratios against floors of the same run, on this machine. Without a name, all of them."""
    if ctx.invoked_subcommand is not None:
        return
    names = bench.list_commands(ctx)
    if not names:
        raise Failed("This installation has no benches: they come with the source.")
    for name in names:
        command = bench.get_command(ctx, name)
        if command is not None:
            ctx.invoke(command)
