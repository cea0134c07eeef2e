"""`python -m sandbox.telegram`: the stand-in by hand, until it is interrupted."""

import argparse
import asyncio
import contextlib
import time

from sandbox.telegram import Limits, Telegram
from sandbox.telegram.control import routes


async def serve(arguments: argparse.Namespace) -> None:
    limits = Limits(bot_rate=None, chat_rate=None, group_rate=None) if arguments.unlimited else None
    telegram = Telegram(now=time.time, tempo=arguments.tempo, limits=limits)
    for token in arguments.token:
        telegram.add_bot(token)
    async with telegram.running(
        host=arguments.host, port=arguments.port, routes=routes(telegram)
    ) as up:
        print(f"A stand-in for api.telegram.org at {up.url}; bots: {', '.join(up.bots) or 'none'}")  # noqa: T201  # a command
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.telegram")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--token", action="append", default=[], help="a bot that exists; repeat")
    parser.add_argument("--tempo", type=float, default=1.0, help="0.01: waits last a hundredth")
    parser.add_argument("--unlimited", action="store_true", help="never answer 429")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
