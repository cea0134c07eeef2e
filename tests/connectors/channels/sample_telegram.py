"""Requests that Telegram really makes, for the checks that every channel passes."""

from tests.connectors.channels.telegram_world import a_request, an_account, an_update

ACCOUNT = an_account()
REQUESTS = (
    a_request(an_update(text="Здравствуйте")),
    a_request(an_update(number=870002, photo=[{"file_id": "p"}], caption="вот")),
    a_request(an_update(number=870003, contact={"phone_number": "79161234567", "first_name": "А"})),
)
