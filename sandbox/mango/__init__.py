"""A stand-in for Mango Office's virtual exchange: calls that it tells of, and the commands that it takes.

    python -m sandbox.mango --port 8083 --key KEY --salt SALT --hook http://127.0.0.1:8080/hooks/telephony/shop
    curl -d '{"phone": "79161234567", "answered_by": "101"}' http://127.0.0.1:8083/control/call

`sequences` are the events of calls, as in the examples of VPBX API 1.9; `exchange` signs and tells them, and answers
commands: it checks signatures, locks itself for two minutes after two bad requests in two minutes (401), takes ten
requests a second and four call-backs, makes reports of statistics in its own time (204 until then), and has a recording's file some time after it says that there is one (204 until then).
"""

from sandbox.mango.exchange import Mango

__all__ = ["Mango"]
