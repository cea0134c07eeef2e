"""Outlook's winmail.dat: the files in it, whatever else is in it.

Beside these, the reader was compared with another decoder over that one's own samples.
"""

import base64
import struct
import time

from hypothesis import given, strategies as st

from connectors.channels.email.tnef import files_in
from tests.connectors.channels.email_world import a_raw, read

SIGNATURE = struct.pack("<IH", 0x223E9F78, 1)
RENDERING, TITLE, DATA, ATTACHMENT, CODEPAGE = (
    0x00069002,
    0x00018010,
    0x0006800F,
    0x00069005,
    0x00069007,
)


def attribute(number: int, value: bytes, *, level: int = 2) -> bytes:
    return (
        struct.pack("<BII", level, number, len(value))
        + value
        + struct.pack("<H", sum(value) & 0xFFFF)
    )


def sized(number: int, kind: int, value: bytes) -> bytes:
    padded = value + b"\0" * (-len(value) % 4)
    return struct.pack("<HHII", kind, number, 1, len(value)) + padded


def properties(*each: bytes) -> bytes:
    return struct.pack("<I", len(each)) + b"".join(each)


def unicode(number: int, text: str) -> bytes:
    return sized(number, 0x001F, (text + "\0").encode("utf-16-le"))


NAMED = (
    struct.pack("<HH", 0x0003, 0x8001) + b"g" * 16 + struct.pack("<II", 1, 6) + "abc".encode("utf-16-le") + b"\0\0"
    + struct.pack("<I", 7)
)  # fmt: skip
SEVERAL = struct.pack("<HHI", 0x1003, 0x0E20, 3) + struct.pack("<III", 1, 2, 3)
WINMAIL = (
    SIGNATURE
    + attribute(CODEPAGE, struct.pack("<II", 1251, 0), level=1)
    + attribute(RENDERING, b"\0" * 14)
    + attribute(TITLE, "СМЕТА~1.XLS".encode("cp1251") + b"\0")
    + attribute(DATA, b"PK\x03\x04smeta")
    + attribute(
        ATTACHMENT,
        properties(
            NAMED,
            SEVERAL,
            unicode(0x3707, "Смета на колодки.xlsx"),
            unicode(0x370E, "Application/X-Smeta"),
        ),
    )
    + attribute(RENDERING, b"\0" * 14)
    + attribute(TITLE, "фото.png".encode("cp1251") + b"\0")
    + attribute(ATTACHMENT, properties(unicode(0x3712, "<i1>"), sized(0x3701, 0x0102, b"\x89PNG")))
)


def test_files_with_their_long_names_types_and_content_ids() -> None:
    first, second = files_in(WINMAIL)
    assert (first.name, first.content, first.mime) == (
        "Смета на колодки.xlsx",
        b"PK\x03\x04smeta",
        "application/x-smeta",
    )
    assert (second.name, second.content, second.cid) == ("фото.png", b"\x89PNG", "i1")


def test_a_mail_inside_gives_its_files() -> None:
    nested = sized(0x3701, 0x000D, b"i" * 16 + WINMAIL)
    outer = SIGNATURE + attribute(RENDERING, b"") + attribute(ATTACHMENT, properties(nested))
    assert [each.name for each in files_in(outer)] == ["Смета на колодки.xlsx", "фото.png"]
    for _ in range(5):
        nested = sized(0x3701, 0x000D, b"i" * 16 + outer)
        outer = SIGNATURE + attribute(RENDERING, b"") + attribute(ATTACHMENT, properties(nested))
    # Deeper than anybody nests, it stays what it is.
    assert len(files_in(outer)) == 1


def a_mail(content: bytes, kind: str = "application/ms-tnef") -> bytes:
    body = (
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        + "Смета во вложении".encode()
        + f'\r\n--b\r\nContent-Type: {kind}; name="winmail.dat"\r\nContent-Transfer-Encoding: base64\r\n\r\n'.encode()
        + base64.b64encode(content)
        + b"\r\n--b--\r\n"
    )
    return a_raw(body, content_type="multipart/mixed; boundary=b")


def test_a_mail_from_outlook_shows_the_files_and_not_their_wrapping() -> None:
    for kind in ("application/ms-tnef", "application/octet-stream"):
        got = read(a_mail(WINMAIL, kind))
        assert got.text == "Смета во вложении"
        assert [(each.name, each.kind) for each in got.attachments] == [
            ("Смета на колодки.xlsx", "document"),
            ("фото.png", "image"),
        ]
        assert got.details["notes"] == ["files out of winmail.dat"]


def test_a_wrapping_without_files_stays_a_file() -> None:
    for content in (b"", b"not tnef", SIGNATURE, WINMAIL[:40]):
        (file,) = read(a_mail(content or b"x")).attachments
        assert file.name == "winmail.dat"


@given(st.data())
def test_nothing_raises_whatever_is_damaged(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(WINMAIL)))
    end = data.draw(st.integers(start, len(WINMAIL)))
    files_in(WINMAIL[:start] + data.draw(st.binary(max_size=12)) + WINMAIL[end:])


@given(st.binary(max_size=200))
def test_nothing_raises_whatever_the_properties_say(value: bytes) -> None:
    files_in(SIGNATURE + attribute(RENDERING, b"") + attribute(ATTACHMENT, value))


def test_the_number_of_files_and_values_is_bounded() -> None:
    one = attribute(RENDERING, b"") + attribute(DATA, b"x")
    assert len(files_in(SIGNATURE + one * 5000)) == 100
    endless = (
        struct.pack("<I", 0xFFFFFFFF)
        + struct.pack("<HHI", 0x101F, 0x3707, 0xFFFFFFFF)
        + b"\0" * 1_000_000
    )
    began = time.process_time()
    assert files_in(SIGNATURE + attribute(RENDERING, b"") + attribute(ATTACHMENT, endless)) == []
    assert time.process_time() - began < 1
