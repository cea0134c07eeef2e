import base64
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from connectors.channels.email.charsets import decode, unbase64
from connectors.channels.email.events import understand
from connectors.channels.email.filenames import file_name
from connectors.channels.email.headers import decode_words, mailboxes, message_ids, parameters
from connectors.channels.email.html import sanitise, to_text
from connectors.channels.email.mime import read_mail
from router.ids import new_id
from router.message import Accepted, DeliveryReported, InboundMessage
from router.wire import decode_event, encode_event
from tests.conftest import NOON
from tests.connectors.channels.email_world import ACCOUNT, SAMPLES, a_raw, event_of, read

MAILS = sorted(SAMPLES.glob("*.eml"))
RUSSIAN = "Здравствуйте! Сколько стоит замена колодок?"


# Everything is read


@pytest.mark.parametrize("path", MAILS, ids=[each.stem for each in MAILS])
def test_every_broken_mail_of_the_collections_becomes_an_event_or_a_reason(path: Path) -> None:
    raw = path.read_bytes()
    began = time.process_time()
    understood = understand(raw, account=ACCOUNT, received_at=NOON)
    assert time.process_time() - began < 0.3
    assert bool(understood.ignored) == (understood.event is None)
    if understood.event is not None:
        assert isinstance(understood.event, (InboundMessage, DeliveryReported))
        if isinstance(understood.event, InboundMessage):
            assert "unreadable" not in understood.event.details
        sent = Accepted(
            id=new_id(),
            account=ACCOUNT.id,
            channel="email",
            received_at=NOON,
            event=understood.event,
        )
        assert decode_event(encode_event(sent)) == sent


@given(st.binary(max_size=3000))
def test_any_bytes_are_a_mail(raw: bytes) -> None:
    event = event_of(raw)
    assert event is None or "unreadable" not in getattr(event, "details", {})


FRAGMENTS = st.sampled_from(
    [
        b"From: a <a@b.c>\r\n",
        b"From: =?utf-8?q?=0A?= <a@b.c>\r\n",
        b"To: (c):\r\n",
        b"Message-ID: <[b378..@microsoft.com]>\r\n",
        b"Content-Type: text/plain; name*\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b'Content-Type: multipart/alternative; boundary="b"\r\n',
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n",
        b"Content-Type: message/delivery-status\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/html; charset=x-unknown\r\n",
        b"Content-Type: text/plain; charset=utf-7; format=flowed; delsp=yes\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"Content-Transfer-Encoding: x-uuencode\r\n",
        b"Content-Disposition: attachment; filename*0*=koi8-r''%F0; filename*2=b\r\n",
        b"Content-ID: <x>\r\n",
        b"Date: Fri, 99 Foo 99999 99:99:99 +9999999\r\n",
        b"References: <a@b>\t<c@d> bad\r\n",
        b"Authentication-Results: ;;;=\r\n",
        b"Action: failed\r\n",
        b"\r\n",
        b"--b\r\n",
        b"--b--\r\n",
        b"<div><blockquote>\xcf\xd2\xc9</div>",
        b"=D0=9F=\r\n=D1",
        b"begin 644 x\r\n#0V%T\r\nend\r\n",
        b"\x00\xff\xfe\x80",
        b"> q\r\n",
    ]
)


@settings(max_examples=400)
@given(st.lists(st.one_of(FRAGMENTS, st.binary(max_size=30)), max_size=40).map(b"".join))
def test_any_mixture_of_broken_pieces_is_a_mail(raw: bytes) -> None:
    event = event_of(raw)
    assert event is None or "unreadable" not in getattr(event, "details", {})


def _nested(depth: int) -> bytes:
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (each, each)
        for each in range(depth)
    )
    return opening + b"Content-Type: text/plain\r\n\r\nhi\r\n"


BOMBS = {
    "nested multiparts": lambda: _nested(20_000),
    "endless parts": lambda: (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 200_000
    ),
    "similar boundaries": lambda: (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--bb\r\n" * 300_000
    ),
    "boundaries on one line": lambda: (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b" * 700_000
    ),
    "header fields": lambda: b"X: y\r\n" * 300_000 + b"\r\nhi",
    "one header": lambda: b"Subject: " + b"=?utf-8?q?" * 200_000,
    "encoded words": lambda: b"Subject: " + b"=?utf-8?q?a?= " * 100_000,
    "folded header": lambda: b"References: <a@b>" + b"\r\n <a@b>" * 200_000,
    "addresses": lambda: b"From: " + b"a <a@b>, " * 200_000,
    "comments": lambda: b"From: " + b"(" * 2_000_000,
    "quotes": lambda: b"From: " + b'"\\' * 1_000_000,
    "parameters": lambda: b"Content-Type: text/plain" + b"; a*0=b" * 300_000,
    "nested html": lambda: b"Content-Type: text/html\r\n\r\n" + b"<div>" * 200_000,
    "ampersands": lambda: b"Content-Type: text/html\r\n\r\n" + b"&" * 2_000_000,
    "formatting": lambda: (
        b"Content-Type: text/html\r\n\r\n"
        + b"".join(b"<b id=%d>" % each for each in range(300))
        + b"<p>" * 200_000
    ),
    "less-than signs": lambda: b"Content-Type: text/html\r\n\r\n" + b"<" * 2_000_000,
    "quoted lines": lambda: b"\r\n" + b"> a\r\n" * 400_000,
    "flowed": lambda: b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"a \r\n" * 400_000,
    "uu": lambda: b"Content-Transfer-Encoding: uuencode\r\n\r\n" + b"#0V%T\r\n" * 250_000,
    "idna": lambda: b"From: a@" + "й".encode() * 1_000_000,
    "ids": lambda: b"References: " + b"<a@" * 500_000,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_two_megabytes_made_to_hang_a_parser_take_moments(bomb: Callable[[], bytes]) -> None:
    raw = bomb()
    began = time.process_time()
    event = event_of(raw)
    assert time.process_time() - began < 3
    assert event is not None


# Charsets


@pytest.mark.parametrize("charset", ["koi8-r", "cp1251", "utf-8", "cp866"])
@pytest.mark.parametrize("declared", ["", "x-unknown", "utf-8", "us-ascii"])
def test_russian_is_read_whatever_charset_it_claims_to_be_in(charset: str, declared: str) -> None:
    field = f"text/plain; charset={declared}" if declared else "text/plain"
    raw = a_raw(RUSSIAN.encode(charset), content_type=field, subject=RUSSIAN.encode(charset))
    message = read(raw)
    assert message.text == RUSSIAN
    assert message.subject == RUSSIAN


@pytest.mark.parametrize(
    ("declared", "charset"),
    [
        ("cp-1251", "cp1251"),
        ("win-1251", "cp1251"),
        ("windows1251", "cp1251"),
        ('"KOI8-R"', "koi8-r"),
    ],
)
def test_charsets_go_by_the_names_that_mailers_write(declared: str, charset: str) -> None:
    assert decode("ёлка".encode(charset), declared) == "ёлка"


@pytest.mark.parametrize("charset", ["koi8-r", "cp1251", "cp866"])
@pytest.mark.parametrize(
    "words",
    [
        "СРОЧНО",
        "Заказ",
        "Счёт на оплату № 15 от 21.11",
        "Ёжик, подъём",
        "ИВАН ПЕТРОВ",
        "Re: Вопрос по ТО",
    ],
)
def test_a_word_or_two_are_enough_to_know_russian_by(words: str, charset: str) -> None:
    try:
        raw = words.encode(charset)
    except UnicodeEncodeError:
        raw = words.replace("№", "N").encode(charset)
        words = words.replace("№", "N")
    assert decode(raw) == words


def test_undeclared_japanese_is_not_taken_for_russian() -> None:
    assert decode(("これはテストです。" * 20).encode("cp932")).startswith("これはテスト")


def test_western_letters_are_not_taken_for_russian_ones() -> None:
    assert decode("Formação do café à la carte, naïve façade".encode("cp1252")) == (
        "Formação do café à la carte, naïve façade"
    )


def test_japanese_is_recognised_by_its_escapes() -> None:
    assert decode("すみません".encode("iso2022_jp")) == "すみません"


@pytest.mark.parametrize(
    "name", ["punycode", "idna", "unicode_escape", "rot13", "base64", "x" * 90, "\x00"]
)
def test_what_python_calls_a_codec_is_not_a_charset(name: str) -> None:
    assert decode(b"abc-", name) == "abc-"


def test_nul_and_lone_surrogates_never_leave_the_parser() -> None:
    message = read(
        a_raw(b"a\x00b\xed\xa0\x80c", subject=b"x\x00y", content_type="text/plain; charset=utf-8")
    )
    assert "\x00" not in message.text + message.subject
    message.text.encode()


# Headers


def test_a_letter_split_across_encoded_words_is_whole_again() -> None:
    first, second = base64.b64encode("П".encode()[:1]), base64.b64encode("П".encode()[1:] + b"!")
    assert decode_words(b"=?utf-8?b?" + first + b"?=\r\n =?utf-8?b?" + second + b"?=") == "П!"


def test_a_line_break_smuggled_into_from_stays_in_the_name() -> None:
    message = read(a_raw(**{"from": "=?utf-8?q?Ivan=0D=0ABcc=3A_x?= <i@example.org>"}))
    assert message.sender is not None
    assert message.sender.name == "Ivan Bcc: x"


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("Иван <i@e.ru>", "Иван", "i@e.ru"),
        ('"Петров, Иван" <i@e.ru>', "Петров, Иван", "i@e.ru"),
        ("i@e.ru (Иван Петров)", "Иван Петров", "i@e.ru"),
        ("=?koi8-r?B?6dfBzg==?= <i@e.ru>", "Иван", "i@e.ru"),
        ('"=?utf-8?b?0JjQstCw0L0=?=" <i@e.ru>', "Иван", "i@e.ru"),
        ("i@e.ru", "", "i@e.ru"),
        ('"i@e.ru" <i@e.ru>', "i@e.ru", "i@e.ru"),
        ('"boss@bank.ru" <i@e.ru>', "boss@bank.ru", "i@e.ru"),
        ("Группа: i@e.ru, b@e.ru;", "", "i@e.ru"),
        ("Pete(A wonderful \\) chap) <pete(his account)@silly.test>", "Pete", "pete"),
        ("<i@e.ru>,", "", "i@e.ru"),
    ],
)
def test_mailboxes_are_read_as_people_write_them(written: str, name: str, address: str) -> None:
    found = mailboxes(written.encode())[0]
    assert (found.name, found.address.partition("@")[0]) == (name, address.partition("@")[0])


def test_ids_are_read_from_between_tabs_commas_and_rubbish() -> None:
    assert message_ids(b"<a@b>\t<c@d> bad,<e@f>\r\n <a@b>") == ["a@b", "c@d", "e@f"]
    assert message_ids(b"a@b, c@d") == ["a@b", "c@d"]
    assert message_ids(b"") == []


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (b"attachment; filename*0*=utf-8''%D1%81%D1%87; filename*1*=%D1%91%D1%82.pdf", "счёт.pdf"),
        (b"attachment; filename*=windows-1251'ru'%F1%F7%E5%F2.pdf", "счет.pdf"),
        (b'attachment; filename="=?utf-8?b?0YHRh9GR0YIucGRm?="', "счёт.pdf"),
        ('attachment; filename="Счёт на оплату.pdf"'.encode("cp1251"), "Счёт на оплату.pdf"),
        (b"attachment; filename=This is a test.txt", "This is a test.txt"),
        (b'attachment; filename="a\\"b;c.txt"; size=1', 'a"b;c.txt'),
    ],
)
def test_file_names_are_decoded_in_every_way_they_come(written: bytes, name: str) -> None:
    assert parameters(written)[1]["filename"] == name


# Files


@pytest.mark.parametrize(
    ("written", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\a\\счёт.pdf", "счёт.pdf"),
        ("annexe\u202efdp.exe", "annexefdp.exe"),
        ("a\r\nb\x00.txt", "a b.txt"),
        ("", "file.pdf"),
        ("...", "file.pdf"),
        ("a:b|c?.pdf", "a_b_c_.pdf"),
    ],
)
def test_file_names_cannot_mislead(written: str, safe: str) -> None:
    assert file_name(written, "application/pdf") == safe


def test_a_long_file_name_keeps_its_extension() -> None:
    name = file_name("я" * 400 + ".pdf", "application/pdf")
    assert name.endswith("я.pdf")
    assert len(name.encode()) <= 200


def _with_files() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "i@e.ru", "shop@example.com", "<f@e.ru>"
    mail.set_content("См. вложения")
    mail.add_alternative('<p>См. вложения <img src="cid:logo"></p>', subtype="html")
    html = mail.get_payload()[1]  # type: ignore[index]
    html.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<logo>")  # type: ignore[union-attr]
    mail.add_attachment(b"%PDF-1", maintype="application", subtype="pdf", filename="счёт.pdf")
    inner = EmailMessage()
    inner["Subject"] = "Заказ 15"
    inner.set_content("внутри")
    mail.add_attachment(inner)
    mail.add_attachment(b"x\x9f", maintype="application", subtype="ms-tnef", filename="winmail.dat")
    mail.add_attachment("BEGIN:VCALENDAR", subtype="calendar", filename="invite.ics")
    return mail


def test_files_inline_pictures_forwarded_mails_and_tnef_all_come_along() -> None:
    message = read(_with_files().as_bytes())
    assert message.text == "См. вложения"
    assert 'src="cid:logo"' in message.html
    assert [(each.name, each.mime, each.kind) for each in message.attachments] == [
        ("file.png", "image/png", "image"),
        ("счёт.pdf", "application/pdf", "document"),
        ("Заказ 15.eml", "message/rfc822", "document"),
        ("winmail.dat", "application/ms-tnef", "document"),
        ("invite.ics", "text/calendar", "document"),
    ]
    assert message.attachments[0].cid == "logo"
    assert message.attachments[1].content == b"%PDF-1"
    assert message.attachments[2].content is not None
    assert b"Subject: =?utf-8?" in message.attachments[2].content


def test_a_mail_of_nothing_but_a_picture_is_a_picture() -> None:
    raw = a_raw(
        base64.b64encode(b"\x89PNG"),
        content_type="image/png; name=a.png",
        content_transfer_encoding="base64",
    )
    message = read(raw)
    assert (message.kind, message.text) == ("image", "")
    assert message.attachments[0].content == b"\x89PNG"


def test_base64_with_noise_and_missing_padding_is_decoded() -> None:
    assert unbase64(b"aGV\r\nsbG 8*gd29ybGQ") == b"hello world"
    assert unbase64(b"aGk=aGk=") == b"hihi"


# HTML


def test_a_mail_of_html_alone_has_its_words_too() -> None:
    html = "<style>p{}</style><p>Здравствуйте!</p><ul><li>колодки</li><li>диски</li></ul><blockquote>Цена?</blockquote><a href='https://a.example/x'>тут</a><br>конец"
    message = read(a_raw(html, content_type="text/html; charset=utf-8"))
    assert message.text == to_text(html)
    assert to_text(html) == (
        "Здравствуйте!\n\n- колодки\n- диски\n\n> Цена?\n\nтут (https://a.example/x)\nконец"
    )


def test_scripts_handlers_and_foreign_schemes_are_gone() -> None:
    clean = sanitise(
        '<script>x()</script><p onclick="x()" style="position:fixed;color:red;background:url(http://t)">a</p>'
        '<a href="javascript:x()">b</a><a href="data:text/html,x">c</a><iframe src="http://x"></iframe>'
        '<form action="http://x"><input name=q></form><svg onload=x()></svg><img src=x onerror=x()>'
    )
    for each in (
        "script",
        "onclick",
        "javascript",
        "data:",
        "iframe",
        "form",
        "svg",
        "onerror",
        "url(",
        "position",
    ):
        assert each not in clean
    assert 'style="color:red"' in clean


def test_remote_pictures_wait_for_permission_and_inline_ones_do_not() -> None:
    clean = sanitise(
        '<img src="https://track.example/p.gif?u=1"><img src="//t.example/x"><img src="CID:logo"><img src="cid:remote,x">'
    )
    assert clean.count("data-remote-src=") == 2
    assert 'src="https' not in clean.replace("data-remote-src", "")
    assert '<img src="cid:logo">' in clean


def test_the_background_of_a_table_is_not_fetched_either() -> None:
    assert "example" not in sanitise(
        '<table background="http://t.example/x"><td style="background-image:url(http://t.example)">a</table>'
    )


def test_html_nested_beyond_reason_comes_as_words_and_a_file() -> None:
    message = read(a_raw("<div>" * 3000 + "привет", content_type="text/html; charset=utf-8"))
    assert (message.html, message.text) == ("", "привет")
    assert message.attachments[0].name == "message.html"


def test_parts_of_text_and_html_are_shown_together() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\nFrom: a@b.example\r\n\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>one</p>\r\n--b\r\n\r\n1 < 2\r\n--b--\r\n"
    )
    mail = read_mail(raw)
    assert mail.text == "one\n\n1 < 2"
    assert mail.html == "<p>one</p>\n<pre>1 &lt; 2</pre>"


def test_flowed_lines_are_one_paragraph_again() -> None:
    raw = a_raw(
        "одна \r\nстрока\r\n-- \r\nподпись", content_type="text/plain; charset=utf-8; format=flowed"
    )
    assert read_mail(raw).text == "одна строка\n-- \nподпись"


def test_a_multipart_cut_off_on_its_way_still_has_its_parts() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst\r\n--b\r\nContent-Type: image/png\r\n\r\nPN"
    mail = read_mail(raw)
    assert mail.text == "first"
    assert mail.files[0].content == b"PN"


def test_a_multipart_that_names_no_boundary_is_split_by_the_one_it_uses() -> None:
    raw = b"Content-Type: multipart/mixed\r\n\r\n--x1\r\n\r\nfirst\r\n--x1--\r\n"
    assert read_mail(raw).text == "first"


def test_bytes_without_any_header_are_a_mail_of_words() -> None:
    assert read_mail("просто текст\nи всё".encode()).text == "просто текст\nи всё"
