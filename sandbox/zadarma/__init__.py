"""A stand-in for Zadarma's exchange (and Novofon's first API): calls that it notifies of, and the methods that it has.

    python -m sandbox.zadarma --port 8084 --key KEY --secret SECRET --hook http://127.0.0.1:8080/hooks/telephony/shop
    curl -d '{"phone": "+79161234567", "answered_by": "101"}' http://127.0.0.1:8084/control/call

It signs each event in its own way, goes where the answer to NOTIFY_START says, tries an address with zd_echo, checks
the signatures of methods (401), takes a hundred requests a minute (429), and has a recording 40 seconds after it said so.
"""

from sandbox.zadarma.exchange import Zadarma

__all__ = ["Zadarma"]
