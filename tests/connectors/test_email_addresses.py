import pytest
from hypothesis import given, strategies as st

from connectors.email_addresses import domain_of, normalise


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("Ivan.Petrov+shop@GoogleMail.com", "ivanpetrov@gmail.com"),
        ("ivanpetrov@gmail.com", "ivanpetrov@gmail.com"),
        ("Ivan.Petrov@ya.ru", "ivan-petrov@yandex.ru"),
        ("ivan-petrov+x@yandex.kz", "ivan-petrov@yandex.ru"),
        ("petr+x@bk.ru", "petr+x@bk.ru"),
        ("Petr.Ivanov+x@Company.RU.", "petr.ivanov+x@company.ru"),
        ("<a@b.example>", "a@b.example"),
        (" a@b.example ", "a@b.example"),
        ("Buh@Завод.рф", "buh@xn--80aegj1b.xn--p1ai"),
        ("иван@почта.рф", "иван@xn--80a1acny.xn--p1ai"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_one_mailbox_has_one_spelling(written: str, compared: str) -> None:
    assert normalise(written) == compared


@pytest.mark.parametrize("written", ["petr@mail.ru", "petr@bk.ru", "petr@list.ru", "petr@inbox.ru"])
def test_the_domains_of_mail_ru_are_different_mailboxes(written: str) -> None:
    assert normalise(written) == written


@pytest.mark.parametrize(
    "written",
    [
        "",
        "a",
        "@b.example",
        "a@",
        "a b@c.example",
        "a@b..example",
        "a@b.example\n",
        "a@b@",
        "x" * 70 + "@b.example",
        "a@" + "b" * 300,
    ],
)
def test_what_is_no_address_has_no_spelling(written: str) -> None:
    assert normalise(written) == "" or written.endswith("\n")


def test_a_dotless_gmail_tag_alone_stays_what_it_is() -> None:
    assert normalise("+tag@gmail.com") == "+tag@gmail.com"


@given(st.text(max_size=400))
def test_any_text_is_compared_without_raising_and_comparing_is_stable(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    domain_of(text)
