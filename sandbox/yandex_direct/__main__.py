"""`python -m sandbox.yandex_direct`: the stand-in by hand, until it is interrupted."""

import argparse
import asyncio
import contextlib
import sys
import time

from sandbox.yandex_direct import YandexDirect


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.yandex_direct")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8087)
    parser.add_argument("--token", default="token")
    parser.add_argument("--queued", type=int, default=0, help="answers before a report is there")
    told = parser.parse_args()
    service = YandexDirect(now=time.time, token=told.token, queued=told.queued)

    async def serve() -> None:
        async with service.running(host=told.host, port=told.port):
            sys.stdout.write(f"Yandex Direct is at {service.url}\n")
            sys.stdout.flush()
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


if __name__ == "__main__":
    main()
