"""`allo …`: the command line.

`COMMANDS` is the table of contents; a command's module is imported when it is asked for, so that `allo version` does not
pay for `allo serve`. Exit status: 0; 1 with one line on standard error that says what happened and what to do; 2 for
wrong usage.
"""

import importlib
import sys
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

import click
from typing_extensions import override

COMMANDS: Final = MappingProxyType(
    {
        "serve": "workers.cli.serve:serve",
        "demo": "workers.cli.serve:demo",
        "channel": "workers.cli.channel:channel",
        "user": "workers.cli.user:user",
        "token": "workers.cli.token:token",
        "dead": "workers.cli.dead:dead",
        "reparse": "workers.cli.reparse:reparse",
        "rebuild-rollups": "workers.cli.rebuild_rollups:rebuild_rollups",
        "backup": "workers.cli.backup:backup",
        "restore": "workers.cli.backup:restore",
        "spend": "workers.cli.spend:spend",
        "doctor": "workers.cli.doctor:doctor",
        "bench": "workers.cli.bench:bench",
        "config": "workers.cli.config_command:config",
        "report": "workers.cli.report:report",
        "seed": "workers.cli.seed:seed",
        "migrate": "workers.cli.migrate:migrate",
        "version": "workers.cli.version:version",
    }
)


class Commands(click.Group):
    """A group whose commands are named by COMMANDS and imported when needed."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found: click.Command = getattr(importlib.import_module(module), name)
        return found


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--traceback", is_flag=True, help="On failure show where it happened, too.")
def allo(*, traceback: bool) -> None:
    """Every customer message in one place: one contact, one lead, one manager, one answer.

    Settings are ALLO_… variables or lines of allo.env; `allo config` shows them all.
    """


def main(args: Sequence[str] | None = None) -> None:
    """The console script."""
    given = list(sys.argv[1:] if args is None else args)
    sys.exit(_run(given))


def _run(args: list[str]) -> int:
    try:
        # Without standalone mode click returns the status of ctx.exit(), and lets errors through to us.
        status = allo.main(args, prog_name="allo", standalone_mode=False)
    except click.UsageError as wrong:
        wrong.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough: `allo dead list | head`. Python would complain while closing it.
        sys.stdout = None
        return 0
    except Exception as error:
        if "--traceback" in args:
            raise
        # It knows every part's errors, and so imports the parts.
        from workers.cli.failures import sentence_for  # noqa: PLC0415

        click.echo(f"allo: {sentence_for(error)}", err=True)
        return 1
    return status if isinstance(status, int) else 0
