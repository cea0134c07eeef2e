"""A stand-in for Asterisk's Manager Interface: it logs programs in, tells them of calls, and makes those they ask for.

`manager` is the server; `scenes` are calls as Asterisk 16 tells of them, made up or replayed from a capture.

    python -m sandbox.asterisk --port 5038 --every 10
    python -m sandbox.asterisk --port 5038 --replay captures.jsonl

The manager is "allo", its secret "stand-in-5c1f". A capture has a line per event: {"scenario", "n", "fields": [[name, value], …]}.
"""

from sandbox.asterisk.manager import Manager
from sandbox.asterisk.scenes import Event, abandoned, answered, captures, missed

__all__ = ["Event", "Manager", "abandoned", "answered", "captures", "missed"]
