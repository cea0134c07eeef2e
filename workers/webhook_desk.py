"""What a person does with outgoing webhooks: adds, changes, tries and deletes them."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from connectors.outgoing import is_address, is_public
from inbox.desk import NotFound, Refused
from storage import webhooks
from storage.audit import write_audit
from storage.engine import transaction
from storage.sealing import CannotUnseal, Sealer
from storage.webhooks import EVENTS, NoSuchWebhook, TooMany
from workers.clock import Clock

LONGEST_URL: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Implements inbox.webhook_desk.WebhookDesk. `private`: addresses of our own networks may be called, too."""

    engine: AsyncEngine
    sealer: Sealer
    now: Clock
    private: bool = False

    async def add(self, url: str, events: Sequence[str], *, by: UUID | None) -> tuple[UUID, str]:
        """Raises Refused."""
        url, chosen, secret = self._address(url), _chosen(events), _made()
        try:
            async with transaction(self.engine) as connection:
                made = await webhooks.create_webhook(
                    connection,
                    url=url,
                    events=chosen,
                    secret=secret,
                    sealer=self.sealer,
                    by=by,
                    now=self.now(),
                )
                await self._audit(
                    connection, "webhook_added", made, by, {"url": url, "events": chosen}
                )
        except TooMany as many:
            raise Refused(str(many)) from many
        return made, secret

    async def change(
        self,
        webhook: UUID,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        state: Literal["active", "paused"] | None = None,
        by: UUID | None,
    ) -> None:
        """Raises Refused, NotFound."""
        changes: dict[str, Any] = {}
        if url is not None:
            changes["url"] = self._address(url)
        if events is not None:
            changes["events"] = _chosen(events)
        if state is not None:
            changes["state"] = state
        try:
            async with transaction(self.engine) as connection:
                await webhooks.change_webhook(connection, webhook, **changes)
                await self._audit(connection, "webhook_changed", webhook, by, changes)
        except NoSuchWebhook as gone:
            raise NotFound("There is no such webhook.") from gone

    async def new_secret(self, webhook: UUID, *, by: UUID | None) -> str:
        """Raises NotFound, Refused."""
        secret = _made()
        try:
            async with transaction(self.engine) as connection:
                await webhooks.rotate_secret(
                    connection, webhook, secret=secret, sealer=self.sealer, now=self.now()
                )
                await self._audit(connection, "webhook_secret_changed", webhook, by, {})
        except NoSuchWebhook as gone:
            raise NotFound("There is no such webhook.") from gone
        except CannotUnseal as refused:
            raise Refused(str(refused)) from refused
        return secret

    async def remove(self, webhook: UUID, *, by: UUID | None) -> None:
        """Raises NotFound."""
        try:
            async with transaction(self.engine) as connection:
                await webhooks.delete_webhook(connection, webhook)
                await self._audit(connection, "webhook_removed", webhook, by, {})
        except NoSuchWebhook as gone:
            raise NotFound("There is no such webhook.") from gone

    async def ping(self, webhook: UUID) -> UUID:
        """Raises NotFound."""
        try:
            async with transaction(self.engine) as connection:
                return await webhooks.add_ping(connection, webhook, now=self.now())
        except NoSuchWebhook as gone:
            raise NotFound("There is no such webhook.") from gone

    async def send_again(self, delivery: UUID) -> None:
        """Raises NotFound."""
        try:
            async with transaction(self.engine) as connection:
                await webhooks.send_again(connection, delivery, now=self.now())
        except NoSuchWebhook as gone:
            raise NotFound("There is no such delivery.") from gone

    def _address(self, written: str) -> str:
        url = written.strip()
        try:
            parts = urlsplit(url)
            host, scheme = parts.hostname or "", parts.scheme if parts.port != 0 else ""
        except ValueError:
            host = scheme = ""
        if not host or scheme not in {"http", "https"} or len(url) > LONGEST_URL:
            raise Refused(
                "Write the whole address of the receiving program, such as https://crm.example/allo."
            )
        if "@" in url.split("//", 1)[1].split("/", 1)[0]:
            raise Refused(
                "Leave the user and the password out of the address: the signature proves that it is us."
            )
        # A name is looked at when it is called, whatever it then resolves to.
        inside = host == "localhost" or (is_address(host) and not is_public(host))
        if inside and not self.private:
            raise Refused(
                "The address leads into a private network. ALLO_WEBHOOKS_PRIVATE=yes allows that."
            )
        return url

    async def _audit(
        self,
        connection: AsyncConnection,
        what: str,
        webhook: UUID,
        by: UUID | None,
        after: Mapping[str, Any],
    ) -> None:
        await write_audit(
            connection,
            by=by,
            what=what,
            object_kind="webhook",
            object_id=webhook,
            now=self.now(),
            after=after,
        )


def _chosen(events: Sequence[str]) -> list[str]:
    """In the order in which they are offered."""
    if unknown := sorted(set(events) - set(EVENTS)):
        raise Refused(f"There is no event {', '.join(unknown)}; there are {', '.join(EVENTS)}.")
    if not events:
        raise Refused("Choose at least one event.")
    return [each for each in EVENTS if each in events]


def _made() -> str:
    # The prefix lets scanners for leaked secrets recognise it.
    return f"whsec_{secrets.token_urlsafe(32)}"
