"""`python -m sandbox.zadarma`: the stand-in by hand, until it is interrupted."""

import argparse
import contextlib
import time

from sandbox.exchange import by_hand
from sandbox.zadarma import Zadarma


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.zadarma")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8084)
    parser.add_argument("--key", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--hook", required=True, help="http://…/hooks/telephony/SLUG")
    told = parser.parse_args()
    zadarma = Zadarma(now=time.time, key=told.key, secret=told.secret, hook=told.hook)
    with contextlib.suppress(KeyboardInterrupt):
        by_hand("Zadarma", zadarma, zadarma.incoming, host=told.host, port=told.port)


if __name__ == "__main__":
    main()
