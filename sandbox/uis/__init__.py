"""A stand-in for UIS: calls that it notifies of by our template, scenarios that ask, and the Call API.

    python -m sandbox.uis --port 8085 --token TOKEN --hook http://127.0.0.1:8080/hooks/telephony/shop/SECRET
    curl -d '{"phone": "79161234567", "answered_by": "8031"}' http://127.0.0.1:8085/control/call

It puts values into the template as they are, without any quoting, as UIS does; leaves the key to whom it is and where they
are (access_token, listed addresses); and has a recording some time after it said so.
"""

from sandbox.uis.exchange import Uis

__all__ = ["Uis"]
