"""`python -m sandbox.uis`: the stand-in by hand, until it is interrupted."""

import argparse
import contextlib
import time

from sandbox.exchange import by_hand
from sandbox.uis import Uis


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.uis")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8085)
    parser.add_argument("--token", required=True)
    parser.add_argument("--hook", required=True, help="http://…/hooks/telephony/SLUG/SECRET")
    told = parser.parse_args()
    uis = Uis(now=time.time, token=told.token, hook=told.hook)
    with contextlib.suppress(KeyboardInterrupt):
        by_hand("UIS", uis, uis.incoming, host=told.host, port=told.port)


if __name__ == "__main__":
    main()
