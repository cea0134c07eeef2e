"""Forms of a landing page made with Tilda, with its cookies and the source of the visit, about 700 bytes each."""

import random
from urllib.parse import urlencode

from connectors.connector import Account
from router.ids import new_id
from workers.bench.hooks import Called, Hook
from workers.bench.people import WORDS

SECRET = "bench-secret-of-the-address"  # noqa: S105  # the bench's own
COOKIES = (
    "_ym_uid=1600000000123456789; _ga=GA1.2.1111.2222; tildauid=1700000000000.123456; previousUrl=shop.example%2F; "
    "TILDAUTM=utm_source%3Dyandex%7C%7C%7Cutm_medium%3Dcpc%7C%7C%7Cutm_campaign%3Dkolodki%7C%7C%7C"
)


def hook(count: int) -> Hook:
    chance = random.Random(1)  # noqa: S311  # reproducible, not secret
    fields = {"path_secret": SECRET, "honeypot": "company_website", "min_seconds": "2"}
    return Hook(
        account=Account(id=new_id(), kind="lead_form", slug="bench", fields=fields),
        requests=[
            Called(
                path=f"/{SECRET}",
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=urlencode(
                    {
                        "Name": f"Покупатель {n}",
                        "Phone": f"+7 (916) {100 + n // 10_000 % 900}-{n // 100 % 100:02}-{n % 100:02}",
                        "Email": f"customer{n}@example.ru",
                        "Comments": chance.choice(WORDS),
                        "tranid": f"1234567:{n}",
                        "formid": "form48844953",
                        "formname": "Заявка",
                        "COOKIES": COOKIES,
                    }
                ).encode(),
            )
            for n in range(count)
        ],
    )
