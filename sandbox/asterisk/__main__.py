"""`python -m sandbox.asterisk`: the stand-in by hand, until it is interrupted."""

import argparse
import asyncio
import contextlib
from itertools import count, cycle
from pathlib import Path

from sandbox.asterisk.manager import SECRET, USERNAME, Manager
from sandbox.asterisk.scenes import abandoned, answered, captures, missed


async def serve(arguments: argparse.Namespace) -> None:
    manager = Manager()
    async with manager.running(host=arguments.host, port=arguments.port):
        print(f"A stand-in for Asterisk's manager at port {manager.port}; {USERNAME}, {SECRET}")  # noqa: T201  # a command
        scenes = cycle([answered, missed, abandoned])
        for number in count(1):
            await asyncio.sleep(arguments.every)
            await manager.until_listened_to()
            if arguments.replay:
                for events in captures(arguments.replay).values():
                    manager.tell(*events)
            else:
                scene = next(scenes)(
                    number * 10, caller=arguments.caller, did="74951234567", extension="101"
                )
                manager.tell(*scene)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.asterisk")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5038)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between calls")
    parser.add_argument("--caller", default="79161234567")
    parser.add_argument("--replay", type=Path, help="a capture, instead of calls made up")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
