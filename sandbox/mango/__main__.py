"""`python -m sandbox.mango`: the stand-in by hand, until it is interrupted."""

import argparse
import contextlib
import time

from sandbox.exchange import by_hand
from sandbox.mango import Mango


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.mango")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8083)
    parser.add_argument("--key", required=True)
    parser.add_argument("--salt", required=True)
    parser.add_argument("--hook", required=True, help="http://…/hooks/telephony/SLUG")
    told = parser.parse_args()
    mango = Mango(now=time.time, key=told.key, salt=told.salt, hook=told.hook.rstrip("/"))
    with contextlib.suppress(KeyboardInterrupt):
        by_hand("Mango Office", mango, mango.rings, host=told.host, port=told.port)


if __name__ == "__main__":
    main()
