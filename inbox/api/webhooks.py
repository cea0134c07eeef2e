"""/webhooks: other programs that are told what happens here, and what they were told."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from inbox.api.endpoints import Answer, Api, Call, Endpoint, ListOf, Nothing, Paged, listed
from inbox.api.problems import bad_request, not_found
from storage.reading.paging import Page
from storage.reading.webhooks import (
    DeliveryRow,
    WebhookRow,
    list_deliveries,
    list_webhooks,
    webhook_by_id,
)
from storage.webhooks import EVENTS

Address = Annotated[str, Meta(max_length=2000, description="http or https.")]
Events = Annotated[
    tuple[str, ...],
    Meta(max_length=len(EVENTS), description=f"Of these: {', '.join(EVENTS)}."),
]


class Webhook(Struct, frozen=True, kw_only=True):
    """`stopped`: nothing was taken for three days (`stopped_because` failing), or it answered 410 (gone); `active` again
    begins anew. `waiting` counts to 1000.
    """

    id: UUID
    url: str
    events: list[str]
    state: Literal["active", "paused", "stopped"]
    stopped_because: str
    failing_since: datetime | None
    waiting: int
    last_delivered_at: datetime | None
    created_at: datetime


class NewlyMade(Struct, frozen=True, kw_only=True):
    """`secret` signs what is sent. It is in no other answer."""

    id: UUID
    secret: str


class WebhookDelivery(Struct, frozen=True, kw_only=True):
    """`status` and `response` are what the receiver answered last, `error` why that is not enough."""

    id: UUID
    event: str
    state: Literal["waiting", "delivered", "failed"]
    attempts: int
    status: int | None
    response: str
    error: str
    created_at: datetime
    tried_at: datetime | None
    next_attempt_at: datetime


class NewWebhook(Struct, frozen=True, kw_only=True):
    url: Address
    events: Events


class WebhookChanges(Struct, frozen=True, kw_only=True):
    """What is not given stays."""

    url: Address | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    state: Literal["active", "paused"] | UnsetType = UNSET


def shown(row: WebhookRow) -> Webhook:
    return Webhook(
        id=row.id,
        url=row.url,
        events=list(row.events),
        state=row.state,  # type: ignore[arg-type]  # a check constraint of the table
        stopped_because=row.stopped_because,
        failing_since=row.failing_since,
        waiting=row.waiting,
        last_delivered_at=row.last_delivered_at,
        created_at=row.created_at,
    )


def shown_delivery(row: DeliveryRow) -> WebhookDelivery:
    return WebhookDelivery(
        id=row.id,
        event=row.event,
        state=row.state,  # type: ignore[arg-type]  # a check constraint of the table
        attempts=row.attempts,
        status=row.status,
        response=row.response,
        error=row.error,
        created_at=row.created_at,
        tried_at=row.tried_at,
        next_attempt_at=row.next_attempt_at,
    )


async def list_all_webhooks(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        return listed(Page(items=tuple(await list_webhooks(connection))), shown)


async def create_webhook(api: Api, call: Call[Nothing, NewWebhook]) -> Answer:
    if not call.body.events:
        raise bad_request("invalid", "Name at least one event (body.events).")
    made, secret = await api.webhooks.add(call.body.url, call.body.events, by=None)
    return Answer(body=NewlyMade(id=made, secret=secret))


async def show_webhook(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    return await _shown(api, call.id)


async def change_webhook(api: Api, call: Call[Nothing, WebhookChanges]) -> Answer:
    wanted = call.body
    await api.webhooks.change(
        call.id,
        url=None if wanted.url is UNSET else wanted.url,
        events=None if wanted.events is UNSET else wanted.events,
        state=None if wanted.state is UNSET else wanted.state,
        by=None,
    )
    return await _shown(api, call.id)


async def make_webhook_secret(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    return Answer(
        body=NewlyMade(id=call.id, secret=await api.webhooks.new_secret(call.id, by=None))
    )


async def remove_webhook(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    await api.webhooks.remove(call.id, by=None)
    return Answer()


async def ping_webhook(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    await api.webhooks.ping(call.id)
    return Answer()


async def list_webhook_deliveries(api: Api, call: Call[Paged, Nothing]) -> Answer:
    async with api.engine.connect() as connection:
        page = await list_deliveries(
            connection, call.id, cursor=call.query.cursor, limit=call.query.limit
        )
        if await webhook_by_id(connection, call.id) is None:
            raise not_found("webhook")
    return listed(page, shown_delivery)


async def send_delivery_again(api: Api, call: Call[Nothing, Nothing]) -> Answer:
    await api.webhooks.send_again(call.id)
    return Answer()


async def _shown(api: Api, id_: UUID) -> Answer:
    async with api.engine.connect() as connection:
        row = await webhook_by_id(connection, id_)
    if row is None:
        raise not_found("webhook")
    return Answer(body=shown(row))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/webhooks",
        tag="Webhooks",
        summary="Whom Allo tells what happens",
        scope="admin",
        handler=list_all_webhooks,
        answers=ListOf[Webhook],
    ),
    Endpoint(
        method="POST",
        path="/webhooks",
        tag="Webhooks",
        summary="Tell a program of yours what happens",
        description="Every event is POSTed to `url` as JSON, signed in the header Allo-Signature with the secret of this answer.",
        scope="admin",
        handler=create_webhook,
        body=NewWebhook,
        refuses=True,
        status=201,
        answers=NewlyMade,
    ),
    Endpoint(
        method="GET",
        path="/webhooks/{id}",
        tag="Webhooks",
        summary="One webhook",
        scope="admin",
        handler=show_webhook,
        what="webhook",
        answers=Webhook,
    ),
    Endpoint(
        method="PATCH",
        path="/webhooks/{id}",
        tag="Webhooks",
        summary="Change, pause or resume a webhook",
        scope="admin",
        handler=change_webhook,
        body=WebhookChanges,
        what="webhook",
        refuses=True,
        answers=Webhook,
    ),
    Endpoint(
        method="DELETE",
        path="/webhooks/{id}",
        tag="Webhooks",
        summary="Tell it nothing any more",
        scope="admin",
        handler=remove_webhook,
        what="webhook",
        answers=None,
        status=204,
    ),
    Endpoint(
        method="POST",
        path="/webhooks/{id}/secret",
        tag="Webhooks",
        summary="Another secret; the last one signs too for a day",
        scope="admin",
        handler=make_webhook_secret,
        what="webhook",
        refuses=True,
        answers=NewlyMade,
    ),
    Endpoint(
        method="POST",
        path="/webhooks/{id}/ping",
        tag="Webhooks",
        summary="Send it one event about nothing",
        scope="admin",
        handler=ping_webhook,
        what="webhook",
        answers=None,
        status=204,
    ),
    Endpoint(
        method="GET",
        path="/webhooks/{id}/deliveries",
        tag="Webhooks",
        summary="What it was told in the last days, the newest first",
        scope="admin",
        handler=list_webhook_deliveries,
        query=Paged,
        what="webhook",
        answers=ListOf[WebhookDelivery],
    ),
    Endpoint(
        method="POST",
        path="/webhooks/deliveries/{id}/again",
        tag="Webhooks",
        summary="Send it once more",
        scope="admin",
        handler=send_delivery_again,
        what="delivery",
        answers=None,
        status=204,
    ),
)
