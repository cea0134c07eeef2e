"""Forms and fields as platforms really write them."""

import pytest
from hypothesis import given, strategies as st

from connectors.errors import Malformed
from connectors.loose_fields import MOST_FIELDS, form_fields, said, seconds


def test_a_form_is_read_as_it_is_signed() -> None:
    assert form_fields(b"a=1+2&a=3&b=&c=%D0%B0&d=\xd0\xb0&e= x ") == {
        "a": "1 2",
        "b": "",
        "c": "а",
        "d": "а",
        "e": " x ",
    }
    assert form_fields(b"") == {}


def test_a_multipart_form_by_the_boundary_that_it_has() -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n2\r\n'
        b'--x\r\ncontent-disposition: form-data; filename="f"; NAME="b"\r\nContent-Type: text/plain\r\n\r\n\xd0\xb0\r\n'
        b"--x\r\nno blank line\r\n--x--\r\n"
    )
    assert form_fields(body) == {"a": "1\r\n2", "b": "а"}


@pytest.mark.parametrize("body", [b"a=%ff", b"a=\xff", b"&".join([b"a=1"] * (MOST_FIELDS + 1))])
def test_what_is_no_form_is_malformed_and_is_not_quoted(body: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        form_fields(body)
    assert refused.value.__cause__ is None


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: b"--" + rest))
def test_no_body_raises_anything_else(body: bytes) -> None:
    try:
        form_fields(body)
    except Malformed:
        return


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("  a\x00\n b ", "a b"),
        (12, "12"),
        (1763726400.0, "1763726400"),
        (1.5, "1.5"),
        (True, ""),
        (None, ""),
        ([], ""),
        (1 << 70, ""),
        (float("nan"), ""),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_field_is_text_however_it_is_written(value: object, text: str) -> None:
    assert said({"field": value}, "field") == text
    assert said({}, "field") == ""


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("42", 42),
        ("0", 0),
        ("1.5", 1.5),
        ("", None),
        ("x", None),
        ("-1", None),
        ("nan", None),
        ("1e9", None),
    ],
)
def test_a_length_of_time(text: str, length: float | None) -> None:
    assert seconds(text) == length
