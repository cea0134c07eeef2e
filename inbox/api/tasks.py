"""/tasks: what somebody has to do by when."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from inbox.api.endpoints import (
    Answer,
    Api,
    Call,
    Endpoint,
    ListOf,
    Nothing,
    Paged,
    ShortText,
    listed,
)
from inbox.api.problems import bad_request, not_found, refused
from storage.engine import transaction
from storage.reading.sight import EVERYTHING
from storage.reading.tasks import TaskFilter, TaskRow, list_tasks, task_by_id
from storage.tasks import (
    CallbackExists,
    NoSuchThing,
    change_task as save_changes,
    create_task as save,
)

Moment = Annotated[datetime, Meta(tz=True)]
Reminders = Annotated[tuple[Annotated[int, Meta(ge=0, le=43200)], ...], Meta(max_length=5)]
TaskText = Annotated[str, Meta(min_length=1, max_length=2000)]


class Task(Struct, frozen=True, kw_only=True):
    """Of a lead or of a contact. `kind` todo, or callback (one open per contact); a callback's `details.calls` are the
    missed calls it joins, each with when it came. One that was cancelled is done, too, and says so; `remind_before` is
    minutes before it is due.
    """

    id: UUID
    text: str
    kind: str
    lead_id: UUID | None
    contact_id: UUID | None
    manager_id: UUID | None
    due_at: datetime
    done_at: datetime | None
    cancelled_at: datetime | None
    remind_before: tuple[int, ...]
    origin: str
    conversation_id: UUID | None
    details: dict[str, Any]
    created_at: datetime


def shown(row: TaskRow) -> Task:
    return Task(
        id=row.id,
        text=row.text,
        kind=row.kind,
        lead_id=row.lead_id,
        contact_id=row.contact_id,
        manager_id=row.manager_id,
        due_at=row.due_at,
        done_at=row.done_at,
        cancelled_at=row.cancelled_at,
        remind_before=row.remind_before,
        origin=row.origin,
        conversation_id=row.conversation_id,
        details=row.details,
        created_at=row.created_at,
    )


class TasksQuery(Paged, frozen=True, kw_only=True):
    done: Annotated[bool | None, Meta(description="Both when not given.")] = None
    manager: UUID | None = None
    lead: UUID | None = None
    contact: UUID | None = None
    overdue: Annotated[bool, Meta(description="Those only that should have been done.")] = False
    due_from: Annotated[Moment | None, Meta(description="Due at that moment or later.")] = None
    due_before: Annotated[Moment | None, Meta(description="Due before that moment.")] = None


class NewTask(Struct, frozen=True, kw_only=True):
    text: TaskText
    due_at: Moment
    lead_id: UUID | None = None
    contact_id: UUID | None = None
    manager_id: UUID | None = None
    kind: ShortText = "todo"
    remind_before: Reminders = (0,)


class TaskChanges(Struct, frozen=True, kw_only=True):
    """What is not given stays. `done` true marks it done now; `cancelled` true ends it undone."""

    text: TaskText | UnsetType = UNSET
    due_at: Moment | UnsetType = UNSET
    manager_id: UUID | UnsetType | None = UNSET
    remind_before: Reminders | UnsetType = UNSET
    done: bool | UnsetType = UNSET
    cancelled: bool | UnsetType = UNSET


async def list_all_tasks(api: Api, call: Call[TasksQuery, Nothing]) -> Answer:
    query = call.query
    before = query.due_before
    if query.overdue:
        now = api.now()
        before = now if before is None else min(before, now)
    wish = TaskFilter(
        # What is done is not overdue, however late it was.
        done=False if query.overdue else query.done,
        manager=query.manager,
        lead=query.lead,
        contact=query.contact,
        due_from=query.due_from,
        due_before=before,
    )
    async with api.engine.connect() as connection:
        page = await list_tasks(
            connection, wish, sight=EVERYTHING, cursor=query.cursor, limit=query.limit
        )
    return listed(page, shown)


async def create_task(api: Api, call: Call[Nothing, NewTask]) -> Answer:
    new = call.body
    if (new.lead_id is None) == (new.contact_id is None):
        raise bad_request(
            "invalid",
            "A task is of a lead or of a contact: give one (body.lead_id, body.contact_id).",
        )
    try:
        async with transaction(api.engine) as connection:
            made = await save(
                connection,
                text=new.text,
                due_at=new.due_at,
                now=api.now(),
                lead_id=new.lead_id,
                contact_id=new.contact_id,
                manager_id=new.manager_id,
                kind=new.kind,
                remind_before=new.remind_before,
            )
    except NoSuchThing as error:
        raise bad_request("invalid", f"The task cannot be kept: {error} (body).") from None
    except CallbackExists as error:
        raise refused(f"Nothing was added: {error}.") from None
    return await _shown(api, made)


async def show_task(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    return await _shown(api, call.id)


async def change_task(api: Api, call: Call[Nothing, TaskChanges]) -> Answer:
    wanted = call.body
    changes: dict[str, Any] = {
        name: value
        for name in ("text", "due_at", "manager_id", "remind_before")
        if (value := getattr(wanted, name)) is not UNSET
    }
    if wanted.done is not UNSET:
        changes |= {"done_at": api.now() if wanted.done else None, "cancelled_at": None}
    if wanted.cancelled is not UNSET:
        at = api.now() if wanted.cancelled else None
        changes |= {"done_at": at, "cancelled_at": at}
    if changes:
        try:
            async with transaction(api.engine) as connection:
                found = await save_changes(connection, call.id, changes, now=api.now())
        except NoSuchThing as error:
            raise bad_request("invalid", f"The task stays as it was: {error} (body).") from None
        except CallbackExists as error:
            raise refused(f"The task stays as it was: {error}.") from None
        if not found:
            raise not_found("task")
    return await _shown(api, call.id)


async def _shown(api: Api, id_: UUID) -> Answer:
    async with api.engine.connect() as connection:
        row = await task_by_id(connection, id_)
    if row is None:
        raise not_found("task")
    return Answer(body=shown(row))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/tasks",
        tag="Tasks",
        summary="Tasks, the most urgent first",
        scope="read",
        handler=list_all_tasks,
        query=TasksQuery,
        answers=ListOf[Task],
    ),
    Endpoint(
        method="POST",
        path="/tasks",
        tag="Tasks",
        summary="Add a task to a lead or a contact",
        scope="write",
        handler=create_task,
        body=NewTask,
        status=201,
        refuses=True,
        answers=Task,
    ),
    Endpoint(
        method="GET",
        path="/tasks/{id}",
        tag="Tasks",
        summary="One task",
        scope="read",
        handler=show_task,
        what="task",
        answers=Task,
    ),
    Endpoint(
        method="PATCH",
        path="/tasks/{id}",
        tag="Tasks",
        summary="Change a task, or mark it done",
        scope="write",
        handler=change_task,
        body=TaskChanges,
        what="task",
        refuses=True,
        answers=Task,
    ),
)
