"""`python -m sandbox.vk`: the stand-in by hand, until it is interrupted."""

import argparse
import asyncio
import contextlib
import time

from sandbox.vk import VK, Limits
from sandbox.vk.control import routes


async def serve(arguments: argparse.Namespace) -> None:
    vk = VK(
        now=time.time,
        tempo=arguments.tempo,
        limits=Limits(rate=None) if arguments.unlimited else None,
    )
    for each in arguments.community:
        number, _, token = each.partition("=")
        vk.add_community(int(number), token)
    async with vk.running(host=arguments.host, port=arguments.port, routes=routes(vk)) as up:
        known = ", ".join(map(str, up.communities)) or "none"
        print(f"A stand-in for api.vk.ru at {up.url}; communities: {known}")  # noqa: T201  # a command
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.vk")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8082)
    parser.add_argument(
        "--community", action="append", default=[], help="NUMBER=TOKEN of one that exists; repeat"
    )
    parser.add_argument("--tempo", type=float, default=1.0, help="0.01: waits last a hundredth")
    parser.add_argument("--unlimited", action="store_true", help="never answer error 6")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
