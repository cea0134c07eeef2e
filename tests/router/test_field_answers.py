import pytest

from router.asking import Refused
from router.field_answers import answered


@pytest.mark.parametrize(
    ("kind", "written", "kept"),
    [
        ("text", "  KIA   Rio \n", "KIA Rio"),
        ("text", "", ""),
        ("number", "68 000", "68000"),
        ("number", "68\xa0000,50", "68000.5"),
        ("number", "-0", "0"),
        ("number", "−12", "-12"),
        ("date", "30.11.2026", "2026-11-30"),
        ("date", "2026-02-01", "2026-02-01"),
        ("choice", "Яндекс", "Яндекс"),
        ("yes_no", "Да", "yes"),
        ("yes_no", "false", "no"),
        ("link", "example.com/a?b=1", "https://example.com/a?b=1"),
        ("link", "http://пример.рф", "http://пример.рф"),
    ],
)
def test_an_answer_is_kept_in_one_form(kind, written, kept):
    assert answered(kind, written, choices=("Яндекс", "Друзья")) == kept


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("number", "много"),
        ("number", "NaN"),
        ("number", "1e99"),
        ("number", "Infinity"),
        ("date", "31.02.2026"),
        ("date", "завтра"),
        ("date", "1.2"),
        ("choice", "Авито"),
        ("yes_no", "возможно"),
        ("link", "javascript:alert(1)"),
        ("link", "data:text/html,x"),
        ("link", "ftp://example.com"),
        ("link", "нет ссылки"),
        ("link", "https://[::1"),
    ],
)
def test_what_is_no_answer_is_refused_with_what_would_be_one(kind, written):
    with pytest.raises(Refused):
        answered(kind, written, choices=("Яндекс", "Друзья"))
