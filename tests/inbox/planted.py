"""What a colleague with limited sight must not see: a customer of others, with everything a customer can be and say."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from router.ids import new_id
from storage import tables
from tests.builders import Rows
from tests.inbox.test_files import PNG

SECRET = "тайнопись"
"""In everything a customer said or is, on the other side."""
PHONE = "+79160000007"
SOUGHT = "тайнопис"
"""Finds it, and is echoed by search fields without being it."""


@dataclass(frozen=True, kw_only=True)
class Abroad:
    """What is Boris's and his team's, by kind, and the ids of everybody."""

    ids: dict[str, UUID]
    own: dict[str, UUID]
    """What is Anna's, among them the macro that she runs on either side."""
    anna: UUID
    boris: UUID
    team: UUID


async def plant(stage: Any) -> Abroad:
    """Anna and Boris are hired; Boris and his team have the customer."""
    boris = await stage.hire("Boris", in_team=False)
    anna = await stage.hire("Anna", in_team=False)
    await stage.hire("Root", role="admin", in_team=False)
    async with stage.engine.begin() as connection:
        there = Rows(connection, now=stage.now())
        team = await there.team(name="Поддержка")
        account = await there.account(slug="support", team_id=team)
        person = await there.contact(name=SECRET, manager_id=boris, fields={"city": SECRET})
        other = await there.contact(name=SECRET + "-2", manager_id=boris)
        gone = await there.contact(name=SECRET + "-3")
        await there.identity(person, kind="email", value=f"{SECRET}@example.com", display=SECRET)
        talk = await there.conversation(
            contact=person,
            account=account,
            manager_id=boris,
            team_id=team,
            preview=SECRET,
            subject=SECRET,
            labels=[SECRET],
        )
        said = await there.message(talk, text=SECRET, html=f"<p>{SECRET}</p>")
        await there.message(talk, text=SECRET, direction="note", author_user=boris)
        file = await there.attachment(
            said, name=SECRET + ".png", sha256=await stage.media.put(PNG), state="stored"
        )
        lead = await _lead(there, stage, person, boris, talk)
        task = await there._add(
            tables.task,
            contact_id=person,
            lead_id=lead,
            manager_id=boris,
            conversation_id=talk,
            text=SECRET,
            due_at=stage.now(),
            created_at=stage.now(),
        )
        call = await there._add(
            tables.call,
            account_id=account,
            key="call-1",
            phase="missed",
            direction="in",
            theirs="+79160000001",
            conversation_id=talk,
            message_id=said,
            started_at=stage.now(),
            created_at=stage.now(),
        )
        merge = await there.merge(person, gone)
        first, second = sorted([person, other])
        suggestion = await there._add(
            tables.suggestion,
            first_id=first,
            second_id=second,
            score=90,
            reasons=[{"text": SECRET}],
            at=stage.now(),
        )
        await there.identity(person, kind="phone", value=PHONE)
        await _more_abroad(there, stage, anna=anna, boris=boris, talk=talk, lead=lead, said=said)
        own = await _own(there, stage, anna=anna, said=said, account=account)
    return Abroad(
        own=own,
        ids={
            "conversation": talk,
            "contact": person,
            "lead": lead,
            "task": task,
            "message": said,
            "file": file,
            "call": call,
            "suggestion": suggestion,
            "merge": merge,
        },
        anna=anna,
        boris=boris,
        team=team,
    )


async def _more_abroad(
    there: Rows, stage: Any, *, anna: UUID, boris: UUID, talk: UUID, lead: UUID, said: UUID
) -> None:
    """Where a word of theirs may come to light without anybody opening them: what Anna was once told, what is counted."""
    now = stage.now()
    await there._add(
        tables.lead_event, lead_id=lead, what="note", after={"text": SECRET}, by_user=boris, at=now
    )
    await there.connection.execute(
        tables.lead.update()
        .where(tables.lead.c.id == lead)
        .values(
            fields={"car": SECRET}, last_touch={"source": SECRET}, first_touch={"source": SECRET}
        )
    )
    lost = await there.contact(name=SECRET + "-4", manager_id=boris)
    (gone,) = [each for each in await _stages_of(there) if each.kind == "lost"][:1]
    await there.lead(
        lost,
        title=SECRET,
        manager_id=boris,
        stage_id=gone.id,
        status="lost",
        lost_reason=SECRET,
        closed_at=now,
    )
    named = await there.message(talk, text=SECRET, direction="note", author_user=boris)
    await there.connection.execute(
        tables.mention.insert().values(message_id=named, user_id=anna, conversation_id=talk, at=now)
    )
    for number, (kind, told) in enumerate(
        [
            ("mention", {"conversation_id": talk}),
            ("message", {"conversation_id": talk}),
            ("lead", {"lead_id": lead}),
        ]
    ):
        await there._add(
            tables.notification,
            user_id=anna,
            kind=kind,
            subject=named if kind == "mention" else new_id(),
            seq=number,
            details={},
            at=now,
            told_at=now,
            **told,
        )
    await there._add(
        tables.saved_view, user_id=boris, name=SECRET, query="", shared=False, created_at=now
    )


async def _own(
    there: Rows, stage: Any, *, anna: UUID, said: UUID, account: UUID
) -> dict[str, UUID]:
    """A person of Anna's, with a draft of hers that answers what is out of sight by now."""
    now = stage.now()
    person = await there.contact(name="Вера", manager_id=anna)
    talk = await there.conversation(
        contact=person, account=account, manager_id=anna, preview="видимое", subject="видимое"
    )
    own = await there.message(talk, text="видимое")
    await there.connection.execute(
        tables.draft.insert().values(
            user_id=anna, conversation_id=talk, text="черновик", reply_to=said, at=now
        )
    )
    await there._add(
        tables.canned_reply,
        code="hello",
        title="Привет",
        text="Здравствуйте, {{contact.name}}!",
        created_at=now,
        changed_at=now,
    )
    macro = await there._add(
        tables.macro,
        name="Привет",
        text="Здравствуйте, {{contact.name}}!",
        steps=[{"do": "note", "text": "{{contact.name}}"}],
        created_at=now,
        changed_at=now,
    )
    return {"conversation": talk, "contact": person, "message": own, "macro": macro}


async def _stages_of(there: Rows) -> list[Any]:
    stages = tables.stage
    return list(await there.connection.execute(stages.select().order_by(stages.c.position)))


async def _lead(there: Rows, stage: Any, person: UUID, boris: UUID, talk: UUID) -> UUID:
    """In the pipeline that is shown first."""
    there._pipeline = stage.shop.pipeline
    there._stages = [
        row.id
        for row in await there.connection.execute(
            tables.stage.select().order_by(tables.stage.c.position)
        )
    ]
    return await there.lead(person, title=SECRET, manager_id=boris, conversation_id=talk)
