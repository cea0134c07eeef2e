"""A stand-in for Twilio: its REST API, and a telephone network with people on it.

`world` is what Twilio knows: numbers, calls, recordings, and how people behave when it rings. `conduct` leads a call as
TwiML says and tells about it, signed; `api` is what programs call, and a door for people and scripts.

    python -m sandbox.twilio --port 8083 --number +14155550100 --voice http://127.0.0.1:8080/hooks/telephony/shop
    curl -d '{"from": "+79161234567", "to": "+14155550100"}' http://127.0.0.1:8083/control/call
    curl -d '{"number": "+14155550101", "answers": false}' http://127.0.0.1:8083/control/person

The account is AC and 32 zeros, its token "stand-in-7f3a91c2". Time in a call is told, not waited for: a talk of an hour is over at once.
Twilio's own validator and its own client (PyPI twilio) work against it. https://www.twilio.com/docs/voice
"""

from sandbox.twilio.api import Twilio
from sandbox.twilio.world import Fault, Person

__all__ = ["Fault", "Person", "Twilio"]
