"""`python -m sandbox.vk_ads`: the stand-in by hand, until it is interrupted."""

import argparse
import asyncio
import contextlib
import sys
import time

from sandbox.vk_ads import VkAds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.vk_ads")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8088)
    parser.add_argument("--client-id", default="client")
    parser.add_argument("--client-secret", default="secret")
    told = parser.parse_args()
    service = VkAds(now=time.time, client_id=told.client_id, client_secret=told.client_secret)

    async def serve() -> None:
        async with service.running(host=told.host, port=told.port):
            sys.stdout.write(f"VK Реклама is at {service.url}\n")
            sys.stdout.flush()
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


if __name__ == "__main__":
    main()
