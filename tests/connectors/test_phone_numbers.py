"""One number has one form, whoever writes it."""

import re

import phonenumbers
import pytest
from hypothesis import example, given, strategies as st

from connectors import phone_numbers
from connectors.phone_numbers import e164, identifies_a_person, phone_key


@pytest.mark.parametrize(
    "raw",
    [
        "+79161234567",
        "79161234567",
        "8 (916) 123-45-67",
        "8-916-123-45-67",
        "9161234567",
        "+8 916 123-45-67",
        "tel:+7-916-123-45-67",
        "whatsapp:+79161234567",
        "+7 916 123 45 67 доб. 12",
        "+7 916 123 45 67;ext=5",
        "٨٩١٦١٢٣٤٥٦٧",
    ],
)
def test_every_way_to_write_a_russian_number_is_one(raw: str) -> None:
    assert e164(raw) == "+79161234567"


@pytest.mark.parametrize(
    ("raw", "region", "expected"),
    [
        pytest.param("8 701 123 45 67", "RU", "+77011234567", id="Kazakhstan shares +7 and 8"),
        pytest.param("8 701 123 45 67", "KZ", "+77011234567", id="from Kazakhstan"),
        pytest.param("020 8366 1177", "GB", "+442083661177", id="national in Britain"),
        pytest.param("+44 20 8366 1177", "RU", "+442083661177", id="British from Russia"),
        pytest.param("0788531373", "RW", "+250788531373", id="Rwanda, leading zero"),
    ],
)
def test_national_numbers_are_of_the_region(raw: str, region: str, expected: str) -> None:
    assert e164(raw, region=region) == expected


def test_a_platform_that_leaves_the_plus_out_is_read_internationally_first() -> None:
    # In Germany 49… is also the beginning of national numbers.
    assert e164("380501234567", international=True) == "+380501234567"
    assert e164("79161234567", region="US", international=True) == "+79161234567"
    assert e164("0788531373", region="RW", international=True) == "+250788531373"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "911",
        "0611",
        "MTS",
        "+1 800 FLOWERS",
        "anonymous",
        "+0",
        "1" * 500,
        "000000000",
        "12345",
    ],
)
def test_what_cannot_be_dialled_from_abroad_is_no_number(raw: str) -> None:
    assert e164(raw) is None


def test_a_number_that_changes_when_read_again_settles_or_is_refused() -> None:
    # From a public gateway's tests: +82011290 reads as +8211290.
    settled = e164("+82011290")
    assert settled is None or e164(settled) == settled


def test_company_numbers_do_not_identify_a_person() -> None:
    assert e164("8 800 555-35-35") == "+78005553535"
    assert not identifies_a_person("+78005553535")
    assert phone_key("8 800 555-35-35") is None
    assert identifies_a_person("+79161234567")


def test_a_key_remembers_what_was_written_when_it_differs() -> None:
    key = phone_key("8 916 123-45-67", proof="proved", how="shared own number")
    assert key is not None
    assert (key.kind, key.value, key.display) == ("phone", "+79161234567", "8 916 123-45-67")
    same = phone_key("+79161234567")
    assert same is not None
    assert same.display == ""


@given(
    st.text(alphabet="+0123456789 ()-", max_size=20) | st.text(max_size=20),
    st.sampled_from(["RU", "KZ", "US", "KR"]),
)
def test_the_form_is_stable_whatever_comes_in(raw: str, region: str) -> None:
    form = e164(raw, region=region)
    assert form is None or e164(form, region=region) == form


REGIONS = st.sampled_from(["RU", "KZ", "US", "DE"])


@given(
    digits=st.from_regex(r"[78]?9[0-9]{9}", fullmatch=True, alphabet="0123456789")
    | st.from_regex(r"[789]?[0-9]{5,12}", fullmatch=True, alphabet="0123456789"),
    region=REGIONS,
    code_first=st.booleans(),
)
@example(digits="79300060000", region="RU", code_first=True)
@example(digits="89300060000", region="RU", code_first=False)
@example(digits="79300050000", region="RU", code_first=True)
def test_what_is_told_by_its_shape_is_what_the_library_says(
    digits: str, region: str, *, code_first: bool
) -> None:
    judged = phone_numbers._judged.__wrapped__(digits, region, code_first=code_first)
    assert e164(digits, region=region, international=code_first) == judged
    if judged is not None:
        assert identifies_a_person(judged) == phone_numbers._can_be_own.__wrapped__(judged)


def test_every_range_that_is_told_by_its_shape_is_a_mobile_range_of_the_library() -> None:
    # The library's pattern tells ranges apart by at most six digits; a random number would hardly meet a small one.
    russia = phonenumbers.PhoneMetadata.metadata_for_region("RU")
    assert russia is not None
    assert russia.mobile is not None
    pattern = str(russia.mobile.national_number_pattern)
    assert pattern.endswith(r"\d{4}")
    mobile = re.compile(pattern)
    for head in range(900_000, 1_000_000):
        number = f"{head}0000"
        assert mobile.fullmatch(number) or not phone_numbers._RUSSIAN_MOBILE.fullmatch(
            f"+7{number}"
        )
