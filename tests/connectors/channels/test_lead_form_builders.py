"""What each builder sends is read as a person would read it: who, how to reach them, what they want, where from."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from connectors.channels.lead_form import connector
from connectors.connector import Request
from connectors.errors import Malformed, ReceiveError
from router.message import InboundMessage
from tests.connectors.channels.lead_form_world import (
    CF7,
    ELEMENTOR,
    FLEXBE,
    MARQUIZ,
    NOON,
    TILDA,
    a_request,
    an_account,
    as_form,
    as_json,
    claims,
    enquiry,
    form,
    received,
)


@pytest.mark.parametrize("request_", [as_form(TILDA), as_json(TILDA)], ids=["form", "json"])
def test_a_form_of_tilda(request_: Request) -> None:
    event = enquiry(request_)
    assert event.kind == "form"
    assert event.sender is not None
    assert event.sender.name == "Анна Ковалёва"
    assert claims(event) == {"phone": "+79161234567", "email": "anna@example.ru"}
    assert event.text == "Нужны колодки на Логан\nРазмер: 15"
    assert event.key == "tranid:1234567:7654321:+79161234567"
    assert event.details["form_name"] == "Заявка"
    assert event.source is not None
    assert event.source.utm == {"source": "yandex", "medium": "cpc", "campaign": "kolodki"}
    assert event.source.click_ids == {"_ym_uid": "1600000000123456789", "_ga": "GA1.2.1111.2222"}


def test_a_quiz_of_marquiz() -> None:
    event = enquiry(as_json(MARQUIZ))
    assert event.sender is not None
    assert event.sender.name == "Пётр"
    assert claims(event) == {"phone": "+79161234568"}
    assert "Какая у вас машина?: Рено Логан" in event.text
    assert "Что ещё нужно?: Диски, Жидкость" in event.text
    assert "203.0.113.9" not in event.text
    assert event.details["form_name"] == "Подбор колодок"
    assert event.source is not None
    # What it says plainly wins over the address; the placeholder that nobody filled in says nothing.
    assert event.source.utm == {"source": "google", "medium": "ppc", "campaign": "brakes"}
    assert event.source.click_ids == {"yclid": "777", "_ga": "GA1.1.3.4"}
    assert event.source.landing.startswith("https://quiz.example/")


def test_contacts_of_marquiz_at_the_top_are_found_too() -> None:
    told: dict[str, Any] = {**MARQUIZ, **MARQUIZ["contacts"]}
    del told["contacts"]
    assert claims(enquiry(as_json(told))) == {"phone": "+79161234568"}


def test_a_lead_of_flexbe() -> None:
    event = enquiry(as_form(FLEXBE))
    assert event.sender is not None
    assert event.sender.name == "Олег"
    assert claims(event) == {"phone": "+79161234569", "email": "oleg@example.ru"}
    assert event.text == "Марка: Лада"
    assert event.source is not None
    assert event.source.utm == {"source": "vk_ads", "campaign": "autumn"}
    assert event.source.click_ids == {"rb_clickid": "42"}


def test_a_form_of_elementor() -> None:
    event = enquiry(as_form(ELEMENTOR))
    assert event.sender is not None
    assert event.sender.name == "Ирина"
    assert claims(event) == {"phone": "+79161234570"}
    assert event.text == "Жду звонка"
    assert event.details["form_name"] == "Contact"
    assert event.source is not None
    assert event.source.landing == "https://wp.example/contacts/"


def test_labels_of_elementor_as_names() -> None:
    told = {
        "Имя": "Ирина",
        "Телефон": "+79161234570",
        "Page URL": "https://wp.example/",
        "form_id": "x",
    }
    event = enquiry(as_form(told))
    assert claims(event) == {"phone": "+79161234570"}
    assert event.source is not None
    assert event.source.landing == "https://wp.example/"


@pytest.mark.parametrize("request_", [as_form(CF7), as_json(CF7)], ids=["form", "json"])
def test_a_form_of_contact_form_7(request_: Request) -> None:
    event = enquiry(request_)
    assert event.sender is not None
    assert event.sender.name == "Семён"
    assert claims(event) == {"email": "semyon@example.ru"}
    assert event.text.startswith("Есть ли скидка?")
    assert "Опт" in event.text
    assert "wpcf7" not in event.text


@pytest.mark.parametrize(
    ("fields", "role"),
    [
        ({"Ваш телефон": "+79161234567"}, "phone"),
        ({"phone_2": "+79161234567"}, "phone"),
        ({"userPhone": "+79161234567"}, "phone"),
        ({"Input": "8 (916) 123-45-67"}, "phone"),
        ({"WhatsApp": "+79161234567"}, "phone"),
        ({"E-mail": "anna@example.ru"}, "email"),
        ({"Эл. почта": "anna@example.ru"}, "email"),
        ({"Контакт": "anna@example.ru"}, "email"),
        ({"Как к вам обращаться?": "Анна"}, "name"),
        ({"ФИО": "Анна"}, "name"),
        ({"contact_name": "Анна"}, "name"),
        ({"Ваш вопрос": "Почём?"}, "comment"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)
def test_a_field_is_recognised(fields: dict[str, str], role: str) -> None:
    event = enquiry(as_form(fields))
    found = {**event.details.get("form", {}), "comment": event.text}
    assert found[role] == next(iter(fields.values()))


def test_what_has_a_name_and_is_no_person_is_not_the_customer() -> None:
    told = {"product": {"name": "Колодки"}, "site": {"name": "Магазин"}, "phone": "+79161234567"}
    event = enquiry(as_json(told))
    assert event.sender is not None
    assert event.sender.name == ""
    assert "Колодки" in event.text


def test_first_and_last_name_are_one_name() -> None:
    event = enquiry(as_form({"Фамилия": "Ковалёва", "Имя": "Анна", "Телефон": "+79161234567"}))
    assert event.sender is not None
    assert event.sender.name == "Анна Ковалёва"


def test_the_accounts_own_map_wins() -> None:
    account = an_account(field_map="phone=q1, name=Заголовок; comment=phone")
    event = enquiry(
        as_form({"q1": "+79161234567", "Заголовок": "Анна", "phone": "звоните вечером"}), account
    )
    assert claims(event) == {"phone": "+79161234567"}
    assert event.sender is not None
    assert event.sender.name == "Анна"
    assert event.text == "звоните вечером"


def test_a_number_that_is_none_is_still_a_lead() -> None:
    event = enquiry(as_form({"Имя": "Анна", "Телефон": "123-45"}))
    assert claims(event) == {}
    assert event.details["form"]["phone"] == "123-45"


def test_a_typed_phone_is_claimed_and_the_form_has_an_identity_of_its_own() -> None:
    event = enquiry(as_form({"phone": "+79161234567"}))
    assert event.sender is not None
    own, phone = event.sender.keys
    assert (own.kind, own.value, own.proof) == ("lead_form", "+79161234567", "proved")
    assert (phone.kind, phone.proof) == ("phone", "claimed")


def test_one_person_is_one_chat_whatever_the_spelling() -> None:
    first = enquiry(as_form({"phone": "+7 (916) 123-45-67", "name": "Анна"}))
    second = enquiry(as_form({"Телефон": "8 916 1234567", "email": "a@b.ru"}))
    assert first.chat.id == second.chat.id
    assert first.key != second.key


def test_nobody_who_can_be_told_is_a_contact_of_their_own() -> None:
    first, second = (enquiry(as_form({"Имя": "Анна", "Вопрос": words})) for words in ["да", "нет"])
    assert first.chat.id != second.chat.id


def test_the_same_within_minutes_is_one_enquiry_and_an_hour_later_another() -> None:
    body = form(phone="+79161234567", name="Анна")
    first, again, later = (enquiry(a_request(body, later=s)) for s in (0, 90, 3600))
    assert first.key == again.key
    assert first.key != later.key
    assert first.chat.id == later.chat.id


def test_an_attempt_of_tilda_an_hour_later_is_the_same_enquiry() -> None:
    first, later = (enquiry(a_request(as_form(TILDA).body, later=seconds)) for seconds in (0, 3600))
    assert first.key == later.key


def test_other_answers_of_the_same_person_are_another_enquiry() -> None:
    first, second = (enquiry(as_form({"phone": "+79161234567", "Цвет": colour})) for colour in "аб")
    assert first.key != second.key


# Shapes

MULTIPART = (
    b'--b0und\r\nContent-Disposition: form-data; name="\xd0\x98\xd0\xbc\xd1\x8f"\r\n\r\n\xd0\x90\xd0\xbd\xd0\xbd\xd0\xb0\r\n'
    b'--b0und\r\nContent-Disposition: form-data; name="phone"\r\n\r\n+79161234567\r\n'
    b'--b0und\r\nContent-Disposition: form-data; name="cv"; filename="r\xc3\xa9sum\xc3\xa9.pdf"\r\n'
    b"Content-Type: application/pdf\r\n\r\n%PDF-1.4\r\n\x00binary\r\n"
    b'--b0und\r\nContent-Disposition: form-data; name="more"; filename=""\r\n\r\n\r\n'
    b"--b0und--\r\n"
)


def test_files_are_named_and_not_taken() -> None:
    taken = received(a_request(MULTIPART, 'multipart/form-data; boundary="b0und"'))
    (incoming,) = taken.incoming
    event = incoming.event
    assert isinstance(event, InboundMessage)
    assert event.details["files_not_taken"] == ["cv: résumé.pdf"]
    assert taken.ignored == ("file: cv: résumé.pdf",)
    assert claims(event) == {"phone": "+79161234567"}
    assert event.attachments == ()
    assert incoming.raw is not None
    assert b"%PDF" not in incoming.raw


@pytest.mark.parametrize("declared", ["", "; charset=windows-1251"])
def test_a_page_in_the_old_charset(declared: str) -> None:
    from urllib.parse import urlencode  # noqa: PLC0415

    body = urlencode({"Имя": "Анна", "Телефон": "+79161234567"}, encoding="cp1251").encode()
    event = enquiry(a_request(body, f"application/x-www-form-urlencoded{declared}"))
    assert event.sender is not None
    assert event.sender.name == "Анна"


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_json_that_is_called_something_else(content_type: str) -> None:
    body = json.dumps({"phone": "+79161234567"}).encode()
    assert claims(enquiry(a_request(body, content_type))) == {"phone": "+79161234567"}


def test_json_in_a_field_of_a_form() -> None:
    body = form(data=json.dumps({"name": "Анна", "phone": "+79161234567"}))
    assert claims(enquiry(a_request(body))) == {"phone": "+79161234567"}


def test_a_list_is_several_enquiries_and_one_broken_costs_nothing_else() -> None:
    told = [{"phone": "+79161234567"}, 17, {"phone": "+79161234568"}, {}, {"phone": "+79161234567"}]
    taken = received(as_json(told))
    # A number by itself is what somebody wrote, too.
    assert [
        each.event.chat.id for each in taken.incoming if each.event.chat.id.startswith("+7")
    ] == [
        "+79161234567",
        "+79161234568",
    ]
    assert {each.partition(":")[0] for each in taken.ignored} == {"empty", "repeated"}


def test_a_form_as_a_list_of_fields() -> None:
    told = [{"name": "phone", "value": "+79161234567"}, {"name": "Имя", "value": "Анна"}]
    event = enquiry(as_json(told))
    assert claims(event) == {"phone": "+79161234567"}


def test_a_password_is_kept_nowhere() -> None:
    taken = received(as_form({"phone": "+79161234567", "Password": "hunter2", "cvv": "123x"}))
    (incoming,) = taken.incoming
    assert incoming.raw is not None
    assert b"hunter2" not in incoming.raw
    assert "hunter2" not in repr(incoming.event)
    assert "123x" not in repr(incoming)
    assert isinstance(incoming.event, InboundMessage)
    assert incoming.event.details["struck_out"] == ["Password", "cvv"]


@pytest.mark.parametrize("request_", [as_form(TILDA), as_json(MARQUIZ), as_form(ELEMENTOR)])
def test_what_was_kept_reads_the_same(request_: Request) -> None:
    assert connector.reread is not None
    (incoming,) = received(request_).incoming
    assert incoming.raw is not None
    again = connector.reread(an_account(), incoming.raw, NOON)
    assert again is not None
    assert again.incoming == (incoming,)


def test_sources_in_the_address_of_the_webhook_and_of_the_page() -> None:
    request = a_request(
        form(phone="+79161234567"), Referer="https://shop.example/a?utm_source=ya&gclid=g1#x"
    )
    event = enquiry(request)
    assert event.source is not None
    assert event.source.utm == {"source": "ya"}
    assert event.source.click_ids == {"gclid": "g1"}
    assert event.source.landing == "https://shop.example/a?utm_source=ya&gclid=g1"


def test_nothing_known_is_no_source() -> None:
    assert enquiry(as_form({"phone": "+79161234567"})).source is None


# Robots, tests, garbage


@pytest.mark.parametrize("name", ["company_website", "_gotcha", "bot-field"])
def test_a_robot_falls_into_the_trap_and_is_told_that_all_went_well(name: str) -> None:
    taken = received(as_form({"phone": "+79161234567", name: "http://pills.example"}))
    assert taken.incoming == ()
    assert taken.ignored == ("spam: a field that people do not see was filled in",)
    assert (taken.answer.status, taken.answer.body) == (200, b"ok")
    # The same with the trap left alone is a person's.
    assert received(as_form({"phone": "+79161234567", name: ""})).incoming


@pytest.mark.parametrize(("seconds", "taken"), [("0.4", 0), ("2.5", 1), ("-3", 1), ("x", 1)])
def test_nobody_types_that_fast(seconds: str, taken: int) -> None:
    request = as_form({"phone": "+79161234567", "_seconds": seconds})
    assert len(received(request).incoming) == taken


def test_the_traps_are_the_accounts() -> None:
    account = an_account(honeypot="fax", min_seconds="0")
    assert not received(as_form({"phone": "+79161234567", "fax": "1"}), account).incoming
    assert received(as_form({"phone": "+79161234567", "_seconds": "0"}), account).incoming


def test_a_builder_that_tries_the_address_is_told_ok() -> None:
    taken = received(a_request(b"test=test"))
    assert taken.incoming == ()
    assert taken.ignored == ("test: a builder tries the address",)
    assert (taken.answer.status, taken.answer.body) == (200, b"ok")


@pytest.mark.parametrize("body", [b"", b"{}", b"formid=1", b"[]", b"name="])
def test_a_form_without_a_field_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        received(a_request(body))


@given(
    body=st.binary(max_size=300),
    kind=st.sampled_from(["", "application/json", "multipart/form-data; boundary=b"]),
)
def test_any_bytes_are_read_or_refused(body: bytes, kind: str) -> None:
    for each in (
        body,
        b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + body,
        b"a[" + body,
    ):
        try:
            received(a_request(each, kind))
        except ReceiveError:
            continue


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "value",
                    "a",
                    "q",
                    "utm",
                    "data",
                    "cookies",
                    "phone",
                    "_next",
                    "type",
                    "id",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(told=JSON)
def test_any_json_is_read_or_refused_and_reads_the_same_again(told: Any) -> None:
    assert connector.reread is not None
    try:
        taken = received(as_json(told))
    except ReceiveError:
        return
    for each in taken.incoming:
        assert each.raw is not None
        again = connector.reread(an_account(), each.raw, NOON)
        assert again is not None
        assert again.incoming == (each,)
