"""`python -m sandbox.twilio`: the stand-in by hand, until it is interrupted."""

import argparse
import asyncio
import contextlib
import time

from sandbox.twilio import Twilio
from sandbox.twilio.world import ACCOUNT, TOKEN


async def serve(arguments: argparse.Namespace) -> None:
    twilio = Twilio(now=time.time)
    status = f"{arguments.voice}/status" if arguments.voice else ""
    for number in arguments.number:
        twilio.add_number(number, voice_url=arguments.voice, status_callback=status)
    async with twilio.running(host=arguments.host, port=arguments.port) as up:
        print(f"A stand-in for api.twilio.com at {up.url}; account {ACCOUNT}, token {TOKEN}")  # noqa: T201  # a command
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.twilio")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8083)
    parser.add_argument("--number", action="append", default=[], help="the account's; repeat")
    parser.add_argument(
        "--voice", default="", help="where its calls are announced: …/hooks/telephony/SLUG"
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
