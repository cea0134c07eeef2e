"""Replies to WhatsApp, against the stand-in: texts, files, templates, and every kind of refusal."""

from uuid import UUID

import pytest

from connectors.channels.whatsapp import connector
from connectors.channels.whatsapp.dialect import Error, ErrorData
from connectors.channels.whatsapp.refusals import refusal, words_of
from connectors.connector import Outgoing
from connectors.errors import (
    AccountBroken,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
    WindowClosed,
)
from connectors.message_templates import (
    Slot,
    Template as Choice,
    WrongValues,
    as_details,
    filled,
)
from inbox.languages import language
from sandbox.whatsapp import Fault, Limits
from sandbox.whatsapp.world import Template
from tests.connectors.channels.whatsapp_stand import ANNA, a_file, a_stand
from tests.connectors.channels.whatsapp_world import TOKEN


async def test_a_text_goes_to_the_number_with_our_own_name_for_it():
    async with a_stand() as stand:
        sent = await stand.send("Добрый день", reply_to="wamid.IN")
        (message,) = stand.number.sent
        assert (message.to, message.text, message.reply_to) == (ANNA, "Добрый день", "wamid.IN")
        assert message.tracker == str(UUID(int=7))
        assert (sent.external_id, sent.state) == (message.id, "sent")


async def test_a_person_without_a_number_is_reached_by_the_user_id():
    async with a_stand() as stand:
        user_id = stand.number.person(ANNA, hidden=True).user_id
        await stand.send(chat=user_id)
        assert stand.number.sent[0].to == user_id


@pytest.mark.parametrize(
    ("mime", "kind", "size", "shown"),
    [
        ("image/jpeg", "image", None, "image"),
        ("image/jpeg", "image", 6_000_000, "document"),
        ("image/webp", "image", None, "document"),
        ("video/mp4", "video", None, "video"),
        ("application/pdf", "document", None, "document"),
        ("", "document", None, "document"),
    ],
)
async def test_files_go_as_what_whatsapp_shows_them_as(mime, kind, size, shown):
    async with a_stand() as stand:
        await stand.send(
            "вот", files=(a_file(b"bytes", name="Счёт.x", mime=mime, kind=kind, size=size),)
        )
        (message,) = stand.number.sent
        assert (message.kind, message.text, message.content) == (shown, "вот", b"bytes")
        assert message.file == ("Счёт.x" if shown == "document" else "")


async def test_an_audio_file_has_no_caption():
    assert connector.split is not None
    reply = Outgoing(id=UUID(int=7), chat=ANNA, text="слушайте", files=(a_file(mime="audio/ogg"),))
    words, sound = connector.split(reply)
    assert (words.text, words.files, sound.text) == ("слушайте", (), "")
    async with a_stand() as stand:
        await stand.send("", files=sound.files)
        assert stand.number.sent[0].kind == "audio"


def test_only_the_first_part_answers_and_long_words_are_no_caption():
    assert connector.split is not None
    reply = Outgoing(id=UUID(int=7), chat=ANNA, text="я" * 1025, files=(a_file(),), reply_to="w")
    words, picture = connector.split(reply)
    assert (words.reply_to, picture.reply_to, picture.text) == ("w", "", "")


async def test_a_damaged_upload_is_uploaded_once_more():
    async with a_stand() as stand:
        stand.whatsapp.go_wrong(Fault(kind="answer", what="messages", status=400, code=131053))
        await stand.send("вот", files=(a_file(),))
        assert stand.whatsapp.calls == ["media", "messages", "media", "messages"]
        assert stand.number.times("вот") == 1


async def test_a_file_that_is_of_no_use_is_refused_after_the_second_upload():
    async with a_stand() as stand:
        stand.whatsapp.go_wrong(
            Fault(kind="answer", what="messages", status=400, code=131053, times=2)
        )
        with pytest.raises(Rejected) as refused:
            await stand.send("вот", files=(a_file(),))
        assert type(refused.value) is Rejected
        assert stand.whatsapp.calls == ["media", "messages", "media", "messages"]


async def test_an_upload_without_an_answer_may_be_repeated_for_nobody_saw_it():
    async with a_stand() as stand:
        stand.whatsapp.go_wrong(Fault(kind="drop_after", what="media"))
        with pytest.raises(Unreachable):
            await stand.send("вот", files=(a_file(),))


# Templates


async def test_templates_are_listed_page_by_page_and_only_what_can_be_sent():
    async with a_stand() as stand:
        stand.number.templates += [Template(name=f"t{n:03}", body="Hi") for n in range(120)]
        stand.number.templates += [
            Template(
                name="visit", body="{{1}}, ждём вас {{2}}, {{1}}!", header={"format": "IMAGE"}
            ),
            Template(
                name="named",
                body="Hi {{first_name}}",
                header={"format": "TEXT", "text": "For {{1}}"},
            ),
            Template(name="paused", body="Hi", status="PAUSED"),
            Template(name="place", body="Hi", header={"format": "LOCATION"}),
            Template(
                name="track",
                body="Hi",
                buttons=(
                    {"type": "URL", "text": "Track", "url": "https://x.example/{{1}}"},
                    {"type": "QUICK_REPLY", "text": "Stop"},
                ),
            ),
        ]
        assert connector.templates is not None
        listed = {each.name: each for each in await connector.templates(stand.account, stand.http)}
    assert len(listed) == 123
    assert not {"paused", "place"} & listed.keys()
    visit = listed["visit"]
    assert [slot.key for slot in visit.slots] == ["header.image", "body.1", "body.2"]
    assert visit.slots[1].example == "example 1"
    assert listed["named"].slots[1].example == "example first_name"
    assert visit.text == "{{body.1}}, ждём вас {{body.2}}, {{body.1}}!"
    assert [slot.key for slot in listed["named"].slots] == ["header.text.1", "body.first_name"]
    assert listed["named"].text == "For {{header.text.1}}\nHi {{body.first_name}}"
    assert [slot.key for slot in listed["track"].slots] == ["button.0.url"]
    assert listed["track"].text == "Hi\n[Track]\n[Stop]"


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        (Template(name="plain", body="Здравствуйте"), {}, "Здравствуйте"),
        (
            Template(name="visit", body="{{1}}, ждём вас {{2}}"),
            {"body.2": "в 12", "body.1": "Анна"},
            "Анна, ждём вас в 12",
        ),
        (
            Template(name="ten", body=" ".join(f"{{{{{n}}}}}" for n in range(1, 12))),
            {f"body.{n}": str(n) for n in range(11, 0, -1)},
            "1 2 3 4 5 6 7 8 9 10 11",
        ),
        (Template(name="named", body="Hi {{first_name}}"), {"body.first_name": "Anna"}, "Hi Anna"),
        (
            Template(name="picture", body="Hi", header={"format": "IMAGE"}),
            {"header.image": "https://x.example/a.jpg"},
            "Hi",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Template) else "",
)
async def test_a_template_goes_out_filled_in_though_the_window_is_closed(template, values, text):
    async with a_stand() as stand:
        stand.number.templates.append(template)
        stand.number.person(ANNA).wrote_at = None
        details = {"template": {"name": template.name, "language": "ru", "values": values}}
        await stand.send("what the manager sees", details=details)
        (message,) = stand.number.sent
        assert (message.template, message.text, message.kind) == (template.name, text, "template")


async def test_a_template_that_does_not_fit_is_refused_in_words():
    async with a_stand() as stand:
        stand.number.templates += [
            Template(name="visit", body="{{1}}"),
            Template(name="off", body="", status="PAUSED"),
        ]
        for name, values, words in (
            ("visit", {}, "the number of its values is another"),
            ("none", {}, "it does not exist in this language, or is not approved"),
            ("off", {}, "WhatsApp has paused it for its low quality"),
        ):
            details = {"template": {"name": name, "language": "ru", "values": values}}
            with pytest.raises(Rejected, match=words):
                await stand.send(details=details)


async def test_what_a_person_without_a_number_cannot_get_goes_to_the_number():
    async with a_stand() as stand:
        stand.number.templates.append(Template(name="auth_code", body="{{1}}"))
        user_id = stand.number.person(ANNA).user_id
        details = {"template": {"name": "auth_code", "language": "ru", "values": {"body.1": "12"}}}
        await stand.send(chat=user_id, to=f"+{ANNA}", details=details)
        assert stand.number.sent[0].to == ANNA
        with pytest.raises(Rejected, match="number is hidden"):
            await stand.send(chat=user_id, to=user_id, details=details)


def test_a_template_is_filled_in_completely_or_not_at_all():
    slots = tuple(Slot(key=f"body.{n}", label=str(n)) for n in (1, 2))
    words = "{{body.1}} {{body.2}} {{other}}"
    choice = Choice(name="t", language="ru", text=words, slots=slots)
    values = {"body.1": "{{body.2}}", "body.2": "b"}
    # What a person typed is never taken for a place.
    assert filled(choice, values) == "{{body.2}} b {{other}}"
    assert as_details(choice, values)["values"] == values
    for wrong in (
        {"body.1": "a"},
        {"body.1": "a", "body.2": " "},
        {**values, "x": "y"},
        {**values, "body.1": "a\nb"},
    ):
        with pytest.raises(WrongValues):
            filled(choice, wrong)


# What goes wrong


TABLE = [
    *((code, Unreachable) for code in (1, 2, 131000, 131016, 131057, 133004)),
    *((code, Throttled) for code in (4, 80007, 130429, 131048, 131056, 131064, 133016)),
    *((code, WindowClosed) for code in (131047, 470)),
    *(
        (code, AccountBroken)
        for code in (0, 3, 10, 190, 200, 299, 368, 131005, 131031, 131037, 131042, 131044, 131045)
    ),
    *(
        (code, Rejected)
        for code in (
            100,
            130472,
            130497,
            131008,
            131009,
            131021,
            131026,
            131030,
            131049,
            131050,
            131051,
        )
    ),
    *(
        (code, Rejected)
        for code in (
            132000,
            132001,
            132005,
            132007,
            132008,
            132012,
            132015,
            132016,
            132068,
            132069,
            137000,
        )
    ),
]


@pytest.mark.parametrize(("code", "kind"), TABLE)
async def test_each_code_of_the_table(code, kind):
    async with a_stand() as stand:
        stand.whatsapp.go_wrong(Fault(kind="answer", what="messages", status=400, code=code))
        with pytest.raises(SendError) as refused:
            await stand.send()
        assert type(refused.value) is kind
        assert TOKEN not in str(refused.value)
        assert str(refused.value) != "Something went wrong"
        assert not stand.number.sent


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, Throttled),
        (500, Unreachable),
        (502, Unreachable),
        (503, Unreachable),
        (504, OutcomeUnknown),
        (401, AccountBroken),
        (400, Rejected),
        (404, Rejected),
    ],
)
async def test_a_code_that_is_new_and_an_answer_that_is_no_json(status, kind):
    async with a_stand() as stand:
        stand.whatsapp.go_wrong(Fault(kind="answer", what="messages", status=status, code=None))
        if status not in {401, 400, 404}:
            with pytest.raises(SendError) as refused:
                await stand.send()
            assert type(refused.value) is kind
        new = refusal(Error(code=999_999, message="New"), status=status)
        assert type(new) is (Unreachable if status == 504 else kind)


async def test_retry_after_is_heeded_and_the_pairs_limit_is_the_chats():
    async with a_stand() as stand:
        stand.whatsapp.go_wrong(Fault(kind="answer", status=429, code=130429, retry_after=9))
        with pytest.raises(Throttled) as slow:
            await stand.send()
        assert (slow.value.retry_after, slow.value.scope) == (9, "account")
    async with a_stand(limits=Limits(number_rate=None, pair_burst=1, pair_rate=0.0001)) as stand:
        await stand.send()
        with pytest.raises(Throttled) as slow:
            await stand.send()
        assert slow.value.scope == "chat"
        assert stand.number.meter.refused == 1


async def test_a_lost_answer_is_unknown_and_a_refused_connection_is_not():
    async with a_stand() as stand:
        stand.whatsapp.go_wrong(Fault(kind="drop_after", what="messages"))
        with pytest.raises(OutcomeUnknown):
            await stand.send()
        assert len(stand.number.sent) == 1
        await stand.whatsapp.go_down()
        with pytest.raises(Unreachable):
            await stand.send()
        await stand.whatsapp.come_back()
        await stand.send("again")


@pytest.mark.parametrize(
    "fields",
    [
        {"access_token": "wrong"},
        {"access_token": ""},
        {"access_token": "a\nX: y"},
        {"phone_number_id": "../me"},
        {"phone_number_id": "+7 916"},
    ],
)
async def test_wrong_credentials_break_the_account(fields):
    async with a_stand(**fields) as stand:
        with pytest.raises(AccountBroken):
            await stand.send()


def test_metas_own_words_are_shown_where_ours_are_vague():
    data = ErrorData(details="image type is wrong")
    assert words_of(Error(code=131053, error_data=data)).endswith("(image type is wrong)")
    assert words_of(Error(code=424242, message="Strange\nthings")) == "WhatsApp: Strange things"
    assert words_of(Error(code=424242)) == "WhatsApp: error 424242"


def test_every_reason_is_read_in_russian_too():
    russian = language("ru")
    for code, _ in TABLE:
        words = words_of(Error(code=code))
        assert russian.sentence(words) != words
