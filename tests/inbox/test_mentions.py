"""Colleagues named in notes: who is told, and how the note shows it."""

from uuid import UUID

import pytest

from inbox.mentions import named_in
from router.facts import NoteAdded
from router.wire import decode_fact
from storage.reading.colleagues import TeamRow, UserRow
from tests.events import a_message, accepted


def a_user(number: int, name: str, **columns) -> UserRow:
    return UserRow(
        **{
            "id": UUID(int=number),
            "email": f"{number}@example.com",
            "name": name,
            "role": "manager",
            "sees": "all",
            "presence": "here",
            "capacity": None,
            "open_conversations": 0,
            "extension": "",
            "disabled_at": None,
            **columns,
        }
    )


ANNA, ANNA_BERG, OTHER_ANNA = a_user(1, "Anna"), a_user(2, "Anna Berg"), a_user(3, "Anna")
MARK = a_user(4, "Mark", role="marketer")
SALES = TeamRow(
    id=UUID(int=9), name="Sales", strategy="round_robin", is_default=True,
    member_ids=(UUID(int=1), UUID(int=2), UUID(int=4)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "picked", "told"),
    [
        ("@Anna Berg, глянь", [], [2]),
        ("@Anna, глянь", [], [1, 3]),
        ("@Anna, глянь", [3], [3]),
        ("(@Anna)", [1], [1]),
        ("@Annabel", [], []),
        ("mail@Anna", [], []),
        ("Anna", [1], []),
        ("@Mark", [4], []),
        ("@Sales", [], [1, 2]),
        ("@Sales и @Anna Berg", [], [1, 2]),
        ("@Nobody @@Anna Berg", [], [2]),
    ],
)
def test_the_text_decides_whom_a_note_names(text, picked, told):
    users = [ANNA, ANNA_BERG, OTHER_ANNA, MARK]
    named = named_in(
        text, picked=[UUID(int=each) for each in picked], users=users, teams=[SALES], author=None
    )
    assert sorted(each.int for each in named.users) == told


def test_nobody_tells_themselves():
    named = named_in("@Sales", picked=[], users=[ANNA, ANNA_BERG], teams=[SALES], author=ANNA.id)
    assert named.users == (ANNA_BERG.id,)


async def test_a_note_tells_whom_it_names_and_marks_them(stage, browser):
    await stage.hire("Anna")
    boris = await stage.hire("Boris <b>")
    await stage.hire("Mark", role="marketer")
    account = await stage.shop.connect()
    await stage.receive(accepted(account, a_message()))
    talk = (await stage.shop.one("select id from conversation")).id
    anna = await browser("Anna")
    text = "@Boris <b>, @Mark и mail@Boris <b> — посмотри <script>"
    form = {"text": text, "mode": "note", "mention": str(boris), "key": "k"}
    for _ in range(2):
        assert (await anna.post(f"/conversations/{talk}/messages", form)).status == 303
    row = await stage.shop.one("select m.user_id, m.conversation_id, m.seen_at from mention m")
    assert (row.user_id, row.conversation_id, row.seen_at) == (boris, talk, None)
    facts = [
        decode_fact(bytes(each.body)) for each in await stage.shop.sql("select body from outbox")
    ]
    assert [each.mentions for each in facts if isinstance(each, NoteAdded)] == [(boris,)]
    page = (await anna.get(f"/conversations/{talk}")).text
    assert '<b class="named">@Boris &lt;b&gt;</b>, @Mark и mail@Boris &lt;b&gt;' in page
    assert "<script>" not in page.split('id="messages"')[1].split("</section>")[0]


async def test_whoever_may_read_is_offered_and_nobody_else(stage, browser):
    await stage.hire("Anna")
    await stage.hire("Boris")
    await stage.hire("Berta", disabled_at=stage.now())
    await stage.hire("Bob", role="marketer")
    anna = await browser("Anna")
    offered = (await anna.fragment("/colleagues/names?q=b")).text
    assert "Boris" in offered
    assert "Berta" not in offered
    assert "Bob" not in offered
    assert 'data-named="Sales"' in (await anna.fragment("/colleagues/names?q=sa")).text
    assert "Никого с таким именем" in (await anna.fragment("/colleagues/names?q=zz")).text


async def test_emoji_are_found_in_both_languages(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    for q in ("большой палец", "thumbs", "Палец"):
        assert "👍" in (await anna.fragment(f"/emoji?q={q}")).text, q
    assert "❤" in (await anna.fragment("/emoji")).text
    assert "👍🏽" not in (await anna.fragment("/emoji?q=thumbs")).text
    assert "Такого эмодзи нет" in (await anna.fragment("/emoji?q=<x>")).text
