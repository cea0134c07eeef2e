"""Running a macro: the reply and every step, in one transaction.

All of it or nothing: the reply leaves only when everything beside it could be done, because a reply cannot be taken back
and half a macro is what nobody meant. Which step it was that could not be done is said.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router import deciding, replies
from router.asking import AnsweredMeanwhile, MacroRun, NotFound, Refused, StepRefused
from router.clean_text import clean_line
from router.conversations import changed
from router.ids import new_id
from router.records import Conversation, Lead
from router.world import World
from storage import lead_changes
from storage.desk.conversations import ConversationDesk, name_of
from storage.desk.ground import again_on_conflict
from storage.labels import LONGEST_LABEL, MOST_ON_ONE
from storage.macros import (
    AddLabel,
    AddNote,
    AddTask,
    AssignTo,
    Macro,
    MoveLead,
    RemoveLabel,
    SetStatus,
    Snooze,
    Step,
    macro_by_id,
)
from storage.stage_tasks import drop_stage_task
from storage.tasks import NoSuchThing, change_task, create_task

CAN_BE_UNDONE_FOR: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """One run: what its steps work on, and what it leaves to be undone."""

    connection: AsyncConnection
    world: World
    found: Conversation
    by: UUID | None
    key: str
    labels: list[str] = field(default_factory=list)
    tasks: list[UUID] = field(default_factory=list)
    lead: Lead | None = None
    """The open one; one that was open, when the run closed it."""


class MacroDesk(ConversationDesk):
    @again_on_conflict
    async def run_macro(
        self,
        macro: UUID,
        conversation: UUID,
        *,
        by: UUID | None,
        text: str,
        notes: Sequence[str] = (),
        idempotency_key: str,
        author_name: str = "",
        seen: int | None = None,
    ) -> MacroRun:
        async with self.engine.connect() as connection:
            kept = await macro_by_id(connection, macro)
        if kept is None:
            raise NotFound("There is no such macro.")
        assigned = [each for each in kept.steps if isinstance(each, AssignTo)]
        key = f"macro:{by or 'api'}:{conversation}:{idempotency_key[:200]}"
        entered: set[UUID] = set()

        async def settle(connection: AsyncConnection, world: World) -> None:
            for lead in entered:
                await lead_changes.settle(connection, world, lead, by=by)

        async with self.world(
            conversation,
            by=by,
            managers={each.manager for each in assigned if each.manager},
            teams={each.team for each in assigned if each.team},
            then=settle,
        ) as (connection, world, found):
            if (known := await _run_before(connection, key)) is not None:
                return known
            running = _Running(
                connection=connection,
                world=world,
                found=found,
                by=by,
                key=key,
                labels=await _labels(connection, found.id),
                lead=world.open_leads.get(found.contact_id),
            )
            before = _state(running)
            message = None
            if text.strip():
                try:
                    message = await self.say(
                        connection,
                        world,
                        found,
                        by=by,
                        text=text,
                        key=key,
                        author_name=author_name,
                        seen=seen,
                    )
                except Refused as refused:
                    raise StepRefused(0, str(refused)) from refused
            await self._do(running, kept, notes)
            after = {**_state(running), "tasks": running.tasks}
            if running.lead is not None and before["stage"] != after["stage"]:
                entered.add(running.lead.id)
            run = MacroRun(id=new_id(), message=message, undone=False)
            await _keep(
                connection, run, kept.id, running, before=before, after=after, at=self.now()
            )
            await self.audit(
                connection, by, "macro_run", "conversation", found.id, after={"macro": kept.name}
            )
        if found.status == "resolved":
            await self.hand_out()
        return run

    async def _do(self, running: _Running, macro: Macro, notes: Sequence[str]) -> None:
        written = iter(notes)
        for number, step in enumerate(macro.steps, start=1):
            try:
                await self._step(running, step, number, written)
            except AnsweredMeanwhile:
                raise
            except (Refused, NotFound) as refused:
                raise StepRefused(number, str(refused)) from refused

    async def _step(  # noqa: C901  # one per kind
        self, running: _Running, step: Step, number: int, notes: Iterator[str]
    ) -> None:
        world, found, by = running.world, running.found, running.by
        match step:
            case AssignTo():
                _assign(running, step)
            case AddLabel(label=label):
                wanted = clean_line(label, limit=LONGEST_LABEL)
                if wanted.lower() not in {each.lower() for each in running.labels}:
                    await _set_labels(running, [*running.labels, wanted])
            case RemoveLabel(label=label):
                await _set_labels(
                    running, [each for each in running.labels if each.lower() != label.lower()]
                )
            case SetStatus(status=status):
                deciding.set_status(world, found, status, by=by)
            case Snooze(hours=hours):
                until = self.now() + timedelta(hours=hours)
                deciding.set_status(world, found, "snoozed", by=by, until=until)
            case MoveLead(stage=stage):
                if running.lead is None:
                    raise Refused("There is no open lead to move.")
                await lead_changes.change_loaded(
                    running.connection, world, running.lead, {"stage_id": stage}, by=by
                )
                if running.lead.status == "won" and running.lead.value is None:
                    raise Refused("Say for how much it was sold; 0 is an amount, too.")
            case AddTask():
                running.tasks.append(await self._task(running, step))
            case AddNote():
                replies.note(
                    world,
                    found,
                    by=by,
                    author=name_of(world, by),
                    text=next(notes, step.text),
                    idempotency_key=f"{running.key}:{number}",
                )

    async def _task(self, running: _Running, step: AddTask) -> UUID:
        found = running.found
        lead = running.lead
        try:
            return await create_task(
                running.connection,
                text=step.text,
                due_at=self.now() + timedelta(hours=step.hours),
                now=self.now(),
                lead_id=lead.id if lead else None,
                contact_id=found.contact_id,
                conversation_id=found.id,
                manager_id=found.manager_id or running.by,
                origin="macro",
                created_by=running.by,
            )
        except NoSuchThing as error:
            raise Refused("The task cannot be kept.") from error

    @again_on_conflict
    async def undo_macro(self, run: UUID, *, by: UUID) -> None:
        """What the run changed and nobody has changed since is as it was before. What was written stays written."""
        async with self.engine.connect() as connection:
            kept = (
                await connection.execute(
                    text(
                        "select conversation_id, cast(\"before\"->>'manager' as uuid) as manager from macro_run"
                        " where id = :id and user_id = :by"
                    ),
                    {"id": run, "by": by},
                )
            ).one_or_none()
        if kept is None:
            raise NotFound("There is no such run.")
        left: list[tuple[UUID, UUID]] = []

        async def drop_task(connection: AsyncConnection, world: World) -> None:
            for lead, stage in left:
                await drop_stage_task(connection, lead, stage, now=world.now, by=by)

        async with self.world(
            kept.conversation_id,
            by=by,
            managers={kept.manager} if kept.manager else set(),
            then=drop_task,
        ) as (connection, world, found):
            row = (
                await connection.execute(
                    text(
                        "update macro_run set undone_at = :now where id = :id and undone_at is null and at > :since"
                        ' returning "before", "after"'
                    ),
                    {"id": run, "now": self.now(), "since": self.now() - CAN_BE_UNDONE_FOR},
                )
            ).one_or_none()
            if row is None:
                raise Refused("It is too late to take this back.")
            before, after = _taken_apart(row.before), _taken_apart(row.after)
            running = _Running(
                connection=connection,
                world=world,
                found=found,
                by=by,
                key="",
                labels=await _labels(connection, found.id),
                lead=await _lead_of_then(connection, world, found, _id(after.get("lead"))),
            )
            now = await self._take_back(running, before, after)
            if (
                running.lead is not None
                and (stage := _id(now["stage"])) is not None
                and stage != running.lead.stage_id
            ):
                left.append((running.lead.id, stage))
            await self.audit(connection, by, "macro_undone", "conversation", found.id)

    async def _take_back(
        self, running: _Running, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Returns how it was found."""
        world, found, by = running.world, running.found, running.by
        now = _plain(_state(running))
        same = {name for name, value in after.items() if now.get(name) == value}
        back = {name for name in same if before.get(name) != after[name]}
        if (lead := running.lead) is not None:
            names = {"stage": "stage_id", "lead_manager": "manager_id"}
            changes = {names[name]: _id(before[name]) for name in names.keys() & back}
            await lead_changes.change_loaded(running.connection, world, lead, changes, by=by)
        if "labels" in back:
            await _set_labels(running, before["labels"])
        if "status" in back:
            until = datetime.fromisoformat(before["until"]) if before["until"] else None
            if before["status"] != "snoozed" or (until is not None and until > self.now()):
                deciding.set_status(world, found, before["status"], by=by, until=until)
        # After the status: only an open conversation counts among its manager's.
        if "manager" in back or "team" in back:
            _give_back(running, before)
        if "contact_manager" in back:
            contact = world.contact(found.contact_id)
            contact.manager_id = _id(before["contact_manager"])
            world.change(contact)
        for task in after.get("tasks", ()):
            await change_task(
                running.connection,
                UUID(task),
                {"done_at": self.now()},
                now=self.now(),
                by=by,
            )
        return now


async def _lead_of_then(
    connection: AsyncConnection, world: World, found: Conversation, lead: UUID | None
) -> Lead | None:
    """The lead that the run knew, also when the run closed it; not when another one has been opened since."""
    there = world.open_leads.get(found.contact_id)
    if there is not None or lead is None:
        return there if there is not None and there.id == lead else None
    try:
        closed = await lead_changes.lead_of(connection, lead)
    except (NotFound, Refused):
        return None
    return closed if closed.contact_id == found.contact_id else None


def _give_back(running: _Running, before: Mapping[str, Any]) -> None:
    world, found, by = running.world, running.found, running.by
    _, managers = world.colleagues()
    manager = _id(before["manager"])
    if manager is None:
        found.team_id = _id(before["team"])
        deciding.give_to_team(world, found, None, by=by)
    elif manager in managers:
        deciding.give_to(world, found, manager, by=by)


def _assign(running: _Running, step: AssignTo) -> None:
    world, found, by = running.world, running.found, running.by
    teams, managers = world.colleagues()
    if step.team is not None:
        if step.team not in teams:
            raise NotFound("There is no such team.")
        deciding.give_to_team(world, found, step.team, by=by)
        return
    manager = step.manager or by
    if manager is None:
        raise Refused("A program has nobody to assign it to.")
    if manager not in managers:
        raise NotFound("There is no such manager.")
    deciding.give_to(world, found, manager, by=by)


async def _set_labels(running: _Running, labels: Sequence[str]) -> None:
    if len(labels) > MOST_ON_ONE:
        raise Refused(f"At most {MOST_ON_ONE} labels on one conversation.")
    running.labels[:] = sorted(labels)
    await running.connection.execute(
        text("update conversation set labels = :labels where id = :id"),
        {"labels": running.labels, "id": running.found.id},
    )
    changed(running.world, running.found, "labels", by=running.by)


async def _labels(connection: AsyncConnection, conversation: UUID) -> list[str]:
    found = await connection.execute(
        text("select labels from conversation where id = :id"), {"id": conversation}
    )
    return sorted(found.scalar_one())


def _state(running: _Running) -> dict[str, Any]:
    found = running.found
    lead = running.lead
    return {
        "manager": found.manager_id,
        "team": found.team_id,
        "status": found.status,
        "until": found.snoozed_until,
        "labels": list(running.labels),
        "lead": lead.id if lead is not None else None,
        "stage": lead.stage_id if lead is not None else None,
        # Who takes a conversation takes with it what is nobody's.
        "lead_manager": lead.manager_id if lead is not None else None,
        "contact_manager": running.world.contact(found.contact_id).manager_id,
    }


def _id(kept: str | None) -> UUID | None:
    return UUID(kept) if kept else None


def _plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """As it is read back."""
    plain: dict[str, Any] = msgspec.to_builtins(state)
    return plain


def _taken_apart(kept: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(kept) if isinstance(kept, str | bytes) else kept
    return decoded


async def _run_before(connection: AsyncConnection, key: str) -> MacroRun | None:
    """The run of an earlier try with the same key. The conversation is locked."""
    row = (
        await connection.execute(
            text("select id, message_id, undone_at from macro_run where idempotency_key = :key"),
            {"key": key},
        )
    ).one_or_none()
    if row is None:
        return None
    return MacroRun(id=row.id, message=row.message_id, undone=row.undone_at is not None)


async def _keep(
    connection: AsyncConnection,
    run: MacroRun,
    macro: UUID,
    running: _Running,
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    at: datetime,
) -> None:
    await connection.execute(
        text("""
            insert into macro_run (id, macro_id, conversation_id, user_id, message_id, idempotency_key, "before", "after",
                                   at)
            values (:id, :macro, :conversation, :by, :message, :key, cast(:before as jsonb), cast(:after as jsonb), :at)
        """),
        {
            "id": run.id,
            "macro": macro,
            "conversation": running.found.id,
            "by": running.by,
            "message": run.message,
            "key": running.key,
            "before": msgspec.json.encode(before).decode(),
            "after": msgspec.json.encode(after).decode(),
            "at": at,
        },
    )
    await connection.execute(text("update macro set uses = uses + 1 where id = :id"), {"id": macro})
