"""Mails as Mailgun's routes forward them whole (`mailgun/mime`): text and HTML, a history of Received, about 3.5 kB each."""

import hashlib
import hmac
import random
from email.message import EmailMessage
from typing import Final
from urllib.parse import urlencode

from connectors.connector import Account
from router.ids import new_id
from workers.bench.hooks import MADE_AT, Called, Hook
from workers.bench.people import WORDS, writers

KEY: Final = "key-bench"
SHOP: Final = "shop@example.com"
SECRET: Final = b"bench-secret-of-the-account-0123"
RECEIVED: Final = (
    "from mx{n}.example.org (mx{n}.example.org [198.51.100.{n}]) by mxa.mailgun.org with ESMTP id 6560e2c1.7f{n};"
    " Sat, 21 Nov 2026 11:59:5{n} +0000"
)
DKIM: Final = (
    "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=mail; t=1795262390; h=from:to:subject:message-id:date;"
    " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=" + "dGhlIGJlbmNoIHNpZ25zIG5vdGhpbmcg" * 8
)


def hook(count: int) -> Hook:
    chance = random.Random(1)  # noqa: S311  # reproducible, not secret
    fields = {"address": SHOP, "mode": "hook", "hook_signing_key": KEY}
    return Hook(
        account=Account(id=new_id(), kind="email", slug="bench", fields=fields, secret=SECRET),
        requests=[
            _called(n, person, " ".join(chance.choices(WORDS, k=4)))
            for n, person in enumerate(writers(count, chance))
        ],
    )


def _called(n: int, person: int, text: str) -> Called:
    timestamp, token = str(int(MADE_AT.timestamp())), f"{n:050x}"
    signature = hmac.new(KEY.encode(), f"{timestamp}{token}".encode(), hashlib.sha256)
    fields = {
        "recipient": SHOP,
        "sender": f"customer{person}@example.org",
        "from": f"Покупатель {person} <customer{person}@example.org>",
        "subject": "Замена колодок",
        "body-mime": _mail(n, person, text).decode("ascii"),
        "timestamp": timestamp,
        "token": token,
        "signature": signature.hexdigest(),
    }
    return Called(
        path="/mailgun/mime",
        body=urlencode(fields).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )


def _mail(n: int, person: int, text: str) -> bytes:
    mail = EmailMessage()
    for hop in (3, 2, 1):
        mail["Received"] = RECEIVED.format(n=hop)
    mail["DKIM-Signature"] = DKIM
    mail["From"] = f"Покупатель {person} <customer{person}@example.org>"
    mail["To"] = SHOP
    mail["Subject"] = "Замена колодок"
    mail["Date"] = "Sat, 21 Nov 2026 14:59:48 +0300"
    mail["Message-ID"] = f"<bench.{n}@example.org>"
    mail.set_content(text)
    mail.add_alternative(
        f'<html><body><div dir="ltr"><p>{text}</p><br><div>-- <br>Покупатель {person}</div></div></body></html>',
        subtype="html",
    )
    # What make_boundary draws is no two times the same.
    mail.set_boundary(f"bench-{n:012x}")
    return mail.as_bytes()
