"""`python -m sandbox.whatsapp`: the stand-in by hand, until it is interrupted."""

import argparse
import asyncio
import contextlib
import time

from sandbox.whatsapp import Limits, WhatsApp
from sandbox.whatsapp.control import routes


async def serve(arguments: argparse.Namespace) -> None:
    limits = Limits(number_rate=None, pair_rate=None) if arguments.unlimited else Limits()
    whatsapp = WhatsApp(
        now=time.time,
        token=arguments.token,
        app_secret=arguments.app_secret,
        tempo=arguments.tempo,
        limits=limits,
    )
    for number in arguments.number:
        whatsapp.add_number(number)
    async with whatsapp.running(
        host=arguments.host, port=arguments.port, routes=routes(whatsapp)
    ) as up:
        print(f"A stand-in for graph.facebook.com at {up.url}; numbers: {', '.join(up.numbers)}")  # noqa: T201  # a command
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.whatsapp")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8082)
    parser.add_argument("--number", action="append", default=[], help="a phone_number_id; repeat")
    parser.add_argument("--token", default="EAAG-test-token", help="the access token")
    parser.add_argument("--app-secret", default="app-secret")
    parser.add_argument("--tempo", type=float, default=1.0, help="0.01: waits last a hundredth")
    parser.add_argument("--unlimited", action="store_true", help="never answer 130429 or 131056")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
