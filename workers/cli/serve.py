"""`allo serve` and `allo demo`: the processes."""

import click
import uvloop

from workers.cli.failures import Failed
from workers.settings import ROLES, load_settings

ROLE_OPTION = click.option(
    "--role",
    "roles",
    metavar="ROLE,…",
    help=f"Only these of {', '.join(ROLES)}; all four by default. With a part of them, ALLO_DATABASE_URL "
    "names the database they share.",
)


@click.command()
@ROLE_OPTION
def serve(*, roles: str | None) -> None:
    """Take messages, route them, answer them, show them. Stops cleanly on SIGTERM and Ctrl+C."""
    settings = load_settings(**({"roles": roles} if roles is not None else {}))
    if settings.embedded and set(settings.roles) != set(ROLES):
        raise click.UsageError(
            "Roles in processes of their own meet in a database they can all reach: set ALLO_DATABASE_URL "
            "(and ALLO_BROKER_URL for RabbitMQ)."
        )
    from workers.compose import serve as serve_roles  # noqa: PLC0415  # all of Allo hangs on it
    from workers.site import CannotListen  # noqa: PLC0415  # the same

    try:
        uvloop.run(serve_roles(settings, settings.roles))
    except* CannotListen as refused:
        raise Failed("; ".join(map(str, refused.exceptions))) from refused


@click.command()
def demo() -> None:
    """Serve with stand-ins of the platforms: invented people write, colleagues answer."""
    settings = load_settings()
    from sandbox.demo import demo as serve_demo  # noqa: PLC0415  # only the demo needs it
    from workers.site import CannotListen  # noqa: PLC0415  # all of Allo hangs on it

    try:
        uvloop.run(serve_demo(settings))
    except* CannotListen as refused:
        raise Failed("; ".join(map(str, refused.exceptions))) from refused
