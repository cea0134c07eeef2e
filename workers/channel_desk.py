"""What a person does with connected channels: adds, changes, pauses, removes them, and tries whether they work.

What is stored does not depend on what the platform says: an account is kept also when its platform cannot be reached
now. Trying is bounded in time, and whatever goes wrong is a finding, never a failure of the account.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.channel_log import secrets_of, strike_out
from connectors.connector import Account, Connector, Finding
from connectors.errors import SendError
from connectors.message_templates import Template
from connectors.outgoing import open_http
from connectors.registry import discover
from inbox.channel_desk import ChannelOptions
from inbox.desk import NotFound, Refused
from router.ids import new_id
from storage.accounts import (
    AccountRow,
    BadSlug,
    NoSuchAccount,
    SlugTaken,
    account_by_slug,
    add_account,
    change_account,
    load_accounts,
    note_recovery,
    remove_account,
    set_account_state,
)
from storage.audit import STRUCK_OUT, difference, write_audit
from storage.channel_log import LogLine, write_lines
from storage.engine import transaction
from storage.sealing import CannotUnseal, Sealer
from workers.account_fields import check_fields, check_options, connector_of
from workers.clock import Clock

PATIENCE_S: Final = 15.0
"""For a platform to answer while a person waits: aiohttp gives a connection 10 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """Implements inbox.channel_desk.ChannelDesk. `base_url` is `Settings.base_url`."""

    engine: AsyncEngine
    sealer: Sealer
    base_url: str
    now: Clock
    patience: float = PATIENCE_S

    async def add(
        self,
        kind: str,
        slug: str,
        fields: Mapping[str, str],
        options: ChannelOptions,
        *,
        by: UUID | None,
    ) -> UUID:
        """Raises Refused."""
        connector = connector_of(kind)
        fields = _made_up(connector) | {name: value for name, value in fields.items() if value}
        check_fields(connector, fields, whole=True)
        check_options(options)
        try:
            async with transaction(self.engine) as connection:
                added = await add_account(
                    connection,
                    kind=kind,
                    slug=slug,
                    fields=fields,
                    secrets=connector.secrets,
                    sealer=self.sealer,
                    now=self.now(),
                    **_columns(options),
                )
                await write_audit(
                    connection,
                    by=by,
                    what="account_added",
                    object_kind="account",
                    object_id=added,
                    now=self.now(),
                    after={"kind": kind, "slug": slug, "fields": sorted(fields)},
                )
        except (BadSlug, SlugTaken) as refused:
            raise Refused(str(refused)) from refused
        return added

    async def change(
        self, account: UUID, fields: Mapping[str, str], options: ChannelOptions, *, by: UUID | None
    ) -> None:
        """Raises Refused, NotFound."""
        row = await self._row(account)
        connector = connector_of(row.kind)
        check_fields(connector, fields, whole=False)
        check_options(options)
        before, after = _told_apart(row, connector.secrets, fields, options)
        try:
            async with transaction(self.engine) as connection:
                await change_account(
                    connection,
                    account,
                    fields=fields,
                    secrets=connector.secrets,
                    sealer=self.sealer,
                    **_columns(options),
                )
                await write_audit(
                    connection,
                    by=by,
                    what="account_changed",
                    object_kind="account",
                    object_id=account,
                    now=self.now(),
                    before=before,
                    after=after,
                )
        except NoSuchAccount as gone:
            raise NotFound("There is no such channel any more.") from gone
        except CannotUnseal as refused:
            raise Refused(str(refused)) from refused

    async def set_state(
        self, account: UUID, state: Literal["active", "paused", "removed"], *, by: UUID | None
    ) -> None:
        """Raises NotFound."""
        row = await self._row(account)
        try:
            async with transaction(self.engine) as connection:
                if state == "removed":
                    await remove_account(connection, account)
                else:
                    await set_account_state(connection, account, state)
                await write_audit(
                    connection,
                    by=by,
                    what="account_state_set",
                    object_kind="account",
                    object_id=account,
                    now=self.now(),
                    before={"state": row.state},
                    after={"state": state},
                )
        except NoSuchAccount as gone:
            raise NotFound("There is no such channel.") from gone

    async def check(self, account: UUID) -> Sequence[Finding]:
        """Tries the credentials, and tells the platform where to send its events. Raises NotFound.

        A broken account whose platform answers well is active again.
        """
        row = await self._row(account)
        findings = await self._try(row, connect=row.state != "paused")
        async with transaction(self.engine) as connection:
            if not any(each.level == "error" for each in findings):
                await note_recovery(connection, account)
            await write_lines(connection, self._told(row, findings))
        return findings

    def _told(self, row: AccountRow, findings: Sequence[Finding]) -> list[LogLine]:
        """What was found, for the channel's log; secrets struck out, however they came into a finding."""
        connector = discover().get(row.kind)
        hidden = secrets_of(_account(row, connector), connector) if connector else ()
        return [
            LogLine(
                account=row.id,
                at=self.now(),
                direction="out",
                what="checked",
                level=_LEVELS[each.level],
                detail=strike_out(each.text, hidden),
            )
            for each in dict.fromkeys(findings)
        ]

    async def try_out(self, row: AccountRow) -> Sequence[Finding]:
        """Tries the credentials, and changes nothing anywhere."""
        return await self._try(row, connect=False)

    async def try_new(self, kind: str, slug: str, fields: Mapping[str, str]) -> Sequence[Finding]:
        """Raises Refused."""
        connector = connector_of(kind)
        check_fields(connector, fields, whole=False)
        missing = [each for each in connector.fields if each.required and not fields.get(each.name)]
        if missing:
            return [
                Finding(level="error", text="This is still to be filled in.", field=each.name)
                for each in missing
            ]
        defaults = {each.name: each.default for each in connector.fields if each.default}
        account = Account(id=new_id(), kind=kind, slug=slug, fields=defaults | dict(fields))
        findings = await self._ask(connector, account, self.webhook_url(kind, slug), connect=False)
        hidden = secrets_of(account, connector)
        return [replace(each, text=strike_out(each.text, hidden)) for each in findings]

    async def templates(self, slug: str) -> Sequence[Template]:
        """Raises Refused, NotFound."""
        row = await self.find(slug)
        if row.unreadable:
            raise Refused(row.unreadable)
        connector = connector_of(row.kind)
        if connector.templates is None:
            return ()
        try:
            async with asyncio.timeout(self.patience), open_http() as http:
                return await connector.templates(_account(row, connector), http)
        except SendError as error:
            raise Refused(f"The templates cannot be listed now: {error}") from error
        except TimeoutError as error:
            raise Refused(
                f"{connector.label} did not answer within {self.patience:.0f} seconds."
            ) from error

    def webhook_url(self, kind: str, slug: str) -> str:
        connector = discover().get(kind)
        return (
            f"{self.base_url}/hooks/{connector.hook}/{slug}" if connector and connector.hook else ""
        )

    async def all(self) -> list[AccountRow]:
        async with self.engine.connect() as connection:
            return await load_accounts(connection, self.sealer)

    async def find(self, slug: str) -> AccountRow:
        """Raises NotFound."""
        async with self.engine.connect() as connection:
            row = await account_by_slug(connection, slug, self.sealer)
        if row is None:
            raise NotFound(
                f"There is no channel {slug}; `allo channel list` shows which there are."
            )
        return row

    async def _row(self, account: UUID) -> AccountRow:
        for row in await self.all():
            if row.id == account:
                return row
        raise NotFound("There is no such channel.")

    async def _try(self, row: AccountRow, *, connect: bool) -> Sequence[Finding]:
        if row.unreadable:
            return [_error(row.unreadable)]
        connector = discover().get(row.kind)
        if connector is None:
            return [_error(f"This Allo knows no channel of the kind {row.kind}.")]
        return await self._ask(
            connector,
            _account(row, connector),
            self.webhook_url(row.kind, row.slug),
            connect=connect,
        )

    async def _ask(
        self, connector: Connector, account: Account, url: str, *, connect: bool
    ) -> Sequence[Finding]:
        findings: list[Finding] = []
        try:
            async with asyncio.timeout(self.patience), open_http() as http:
                if connector.check is not None:
                    findings += await connector.check(account, http, webhook_url=url)
                failed = any(each.level == "error" for each in findings)
                if connect and not failed and connector.connect is not None:
                    findings += await connector.connect(account, http, webhook_url=url)
        except TimeoutError:
            findings.append(
                _error(f"{connector.label} did not answer within {self.patience:.0f} seconds.")
            )
        return findings or [_NOTHING_TO_TRY]


_LEVELS: Final = {"ok": "info", "warning": "warning", "error": "error"}

_NOTHING_TO_TRY: Final = Finding(
    level="ok", text="There is nothing to try: it waits for what comes in."
)


def _made_up(connector: Connector) -> dict[str, str]:
    """Words that only have to be long and unknown, and that nobody has to carry elsewhere."""
    return {
        each.name: secrets.token_hex(16)
        for each in connector.fields
        if each.made_up and not each.required
    }


def _error(text: str) -> Finding:
    return Finding(level="error", text=text)


def _account(row: AccountRow, connector: Connector) -> Account:
    defaults = {each.name: each.default for each in connector.fields if each.default}
    return Account(
        id=row.id,
        kind=row.kind,
        slug=row.slug,
        fields=defaults | dict(row.fields),
        region=row.region,
        language=row.language,
    )


def _told_apart(
    row: AccountRow, secrets: frozenset[str], fields: Mapping[str, str], options: ChannelOptions
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(before, after) of what changes, as the audit may have it: of credentials only that they were typed anew."""
    columns = _columns(options)
    old: dict[str, Any] = {name: getattr(row, name) for name in columns}
    new: dict[str, Any] = dict(columns)
    for name, value in fields.items():
        old[name] = row.fields.get(name, "")
        new[name] = value
    before, after = difference(old, new)
    return (
        {name: _auditable(value, secret=name in secrets) for name, value in before.items()},
        {name: _auditable(value, secret=name in secrets) for name, value in after.items()},
    )


def _auditable(value: Any, *, secret: bool) -> Any:
    if secret:
        return STRUCK_OUT if value else ""
    return str(value) if isinstance(value, UUID) else value


def _columns(options: ChannelOptions) -> dict[str, object]:
    return {
        "region": options.region,
        "language": options.language,
        "lead_policy": options.lead_policy,
        "callback_minutes": options.callback_minutes,
        "team_id": options.team,
        "silent_hours": options.silent_hours,
        "promise_minutes": options.promise_minutes,
        "silence_minutes": options.silence_minutes,
        "silence_moves": options.silence_moves,
    }
