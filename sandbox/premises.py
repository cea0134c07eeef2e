"""The workshop of the demo: its own data directory, its channels and its colleagues. Made once, found again later.

A demo never touches another installation: it has a directory of its own, the embedded database there, and refuses a
directory that holds an installation which is no demo's. What it must remember is in `demo.json`.
"""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from inbox.channel_desk import ChannelOptions, options_of
from inbox.desk import NotFound
from inbox.passwords import hash_password, one_time_password
from sandbox.advertising import Advertising, write_fixed
from sandbox.furnishings import furnish
from sandbox.managers import Hand
from sandbox.messengers import BOT, COMMUNITY, WHATSAPP_NUMBER, Messengers
from sandbox.telephone import EXTENSIONS, Telephones
from sandbox.three_months import SEED, customers, days_before
from storage.colleagues import ExtensionTaken, change_user, colleague_by_email, create_user
from storage.company import put, setting
from storage.engine import transaction
from storage.first_run import ADMINISTRATOR, found
from storage.profile import extension_of, set_password
from storage.sealing import Sealer
from storage.seeding.past import bring_in, ground_of
from storage.sources import seed_rules
from storage.teams import add_member, create_team, team_named
from workers.channel_desk import Channels
from workers.clock import Clock
from workers.founding import FirstAdministrator
from workers.settings import Settings, WrongSetting

DIRECTORY: Final = Path("var/demo")
KEPT: Final = "demo.json"
PAST: Final = "demo_past"
"""The setting that says when it was brought in."""

SHOP: Final = "https://kolodka.example"
ADDRESS: Final = "service@kolodka.example"
AUTHSERV_ID: Final = "mx.kolodka.example"

TELEGRAM, VK, WHATSAPP = "telegram", "vk", "whatsapp"
MAIL, SITE, CALLS, FORMS = "service", "site", "telephone", "landing"
"""Slugs."""

NEWCOMER: Final = "olga@kolodka.example"
CORPORATE: Final = "Корпоративный отдел"
COLLEAGUES: Final = (
    ("anna@kolodka.example", "Анна Соколова"),
    ("dmitry@kolodka.example", "Дмитрий Ковалёв"),
    ("irina@kolodka.example", "Ирина Белова"),
)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What one run leaves for the next."""

    password: str
    identity_secret: str
    run: int
    hook_secret: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    """With which the stand-ins prove who they are. Older demos have none, and get one."""


def demo_settings(settings: Settings) -> Settings:
    """Of the settings, what suits a demo: addresses, language, log; no service of a real installation."""
    own: dict[str, object] = {
        "database_url": "",
        "broker_url": "",
        "media_url": "",
        "secret_key": "",
        "roles": type(settings).model_fields["roles"].default,
    }
    if settings.origin_of("data_dir") != "environment":
        own["data_dir"] = DIRECTORY
    if settings.origin_of("public_url") != "environment":
        own["public_url"] = ""
    if settings.origin_of("log_level") == "default":
        own["log_level"] = "warning"
    return settings.model_copy(update=own)


def open_premises(directory: Path) -> Kept:
    """What is kept there, for the run that begins now. Raises WrongSetting."""
    file = directory / KEPT
    if file.exists():
        try:
            before = msgspec.json.decode(file.read_bytes(), type=Kept)
        except (OSError, msgspec.MsgspecError) as error:
            raise WrongSetting(
                f"{file} cannot be read ({error}): remove {directory} to begin the demo anew"
            ) from error
        kept = msgspec.structs.replace(before, run=before.run + 1)
    elif (directory / "postgres").exists():
        raise WrongSetting(
            f"ALLO_DATA_DIR is {directory}, and there is an installation that is no demo's: invented people do not "
            "belong there. Unset it, or name another directory"
        )
    else:
        directory.mkdir(parents=True, exist_ok=True)
        kept = Kept(password=one_time_password(), identity_secret=secrets.token_urlsafe(32), run=0)
    beside = file.with_suffix(".new")
    beside.touch(mode=0o600)
    beside.write_bytes(msgspec.json.encode(kept))
    beside.replace(file)
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """`found` makes what is missing, whenever it is called; what people changed since stays."""

    kept: Kept
    messengers: Messengers
    telephones: Telephones
    advertising: Advertising
    mailbox_port: int

    async def found(
        self, engine: AsyncEngine, *, settings: Settings, now: Clock
    ) -> FirstAdministrator | None:
        """In place of a new installation's founding: nobody's password is shown but the demo's own."""
        async with transaction(engine) as connection:
            await seed_rules(connection, language=settings.language, now=now())
        hashed = await hash_password(self.kept.password)
        async with transaction(engine) as connection:
            founded = await found(
                connection,
                password=hashed,
                sealer=Sealer(settings.secret),
                now=now(),
                language=settings.language,
                time_zone=settings.time_zone,
                currency=settings.currency,
            )
            if founded.administrator is not None:
                admin = await colleague_by_email(connection, ADMINISTRATOR)
                if admin is not None:
                    await set_password(connection, admin.id, hashed=hashed, must_change=False)
        await self._hire(engine, hashed, now=now())
        async with engine.connect() as connection:
            admin = await colleague_by_email(connection, ADMINISTRATOR)
        if admin is not None:
            await furnish(engine, owner=admin.id, now=now())
        await self._connect_channels(engine, settings, now)
        await self._remember(engine, settings, now())
        await self.advertising.connect(
            engine, sealer=Sealer(settings.secret), currency=settings.currency, now=now
        )
        return None

    async def _remember(self, engine: AsyncEngine, settings: Settings, now: datetime) -> None:
        """The three months before the first day, once."""
        hands = await self.hands(engine)
        async with transaction(engine) as connection:
            if await setting(connection, PAST) or len(hands) < len(COLLEAGUES):
                return
            await put(connection, PAST, now.isoformat())
            ground = await ground_of(connection, managers=[(hand.id, hand.name) for hand in hands])
            zone = ZoneInfo(settings.time_zone)
            people = customers(until=now, zone=zone, seed=SEED, ends=ground.ends)
            await bring_in(connection, ground, list(people), now=now)
            days = [each.date() for each in days_before(now, zone)]
            await write_fixed(connection, days=days, currency=settings.currency, now=now)

    async def hands(self, engine: AsyncEngine) -> list[Hand]:
        """Colleagues who work here by themselves."""
        async with engine.connect() as connection:
            found = [await colleague_by_email(connection, email) for email, _ in COLLEAGUES]
        return [
            Hand(id=each.id, name=each.name)
            for each in found
            if each is not None and each.disabled_at is None
        ]

    async def _corporate_team(self, engine: AsyncEngine, *, now: datetime) -> UUID:
        """Mail is for whoever answers first, so that there is something to take."""
        async with transaction(engine) as connection:
            known = await team_named(connection, CORPORATE)
            if known is not None:
                return known
            team = await create_team(connection, name=CORPORATE, strategy="broadcast", now=now)
            for email in (NEWCOMER, *(email for email, _ in COLLEAGUES[:2])):
                colleague = await colleague_by_email(connection, email)
                if colleague is not None:
                    await add_member(connection, team, colleague.id, is_lead=False, now=now)
            return team

    async def _hire(self, engine: AsyncEngine, hashed: str, *, now: datetime) -> None:
        people = ((NEWCOMER, "Ольга Новикова", hashed), *((*each, "") for each in COLLEAGUES))
        for email, name, password in people:
            async with transaction(engine) as connection:
                if await colleague_by_email(connection, email) is None:
                    await create_user(
                        connection,
                        email=email,
                        name=name,
                        role="manager",
                        password=password,
                        now=now,
                    )

        for extension, (email, _) in zip(EXTENSIONS, COLLEAGUES, strict=True):
            with suppress(ExtensionTaken):  # somebody has given it to somebody else
                await _give_a_telephone(engine, email, extension)

    async def _connect_channels(self, engine: AsyncEngine, settings: Settings, now: Clock) -> None:
        channels = Channels(
            engine=engine,
            sealer=Sealer(settings.secret),
            base_url=settings.base_url,
            now=now,
        )
        wanted = (
            (
                *("telegram", TELEGRAM),
                {
                    "token": self.messengers.bot.token,
                    "mode": "polling",
                    "username": BOT,
                    "api_base": self.messengers.telegram.url,
                },
            ),
            (
                *("vk", VK),
                {
                    "group_id": str(COMMUNITY),
                    "access_token": self.messengers.community.token,
                    # Long Poll would go on asking where the stand-in of the last run was.
                    "mode": "callback",
                    "secret": self.kept.hook_secret,
                    "confirmation": self.messengers.community.confirmation,
                    "api_base": self.messengers.vk.url,
                },
            ),
            (
                *("whatsapp", WHATSAPP),
                {
                    "phone_number_id": WHATSAPP_NUMBER,
                    "waba_id": self.messengers.number.waba,
                    "access_token": self.messengers.whatsapp.token,
                    "app_secret": self.kept.hook_secret,
                    "verify_token": self.kept.hook_secret,
                    "api_base": self.messengers.whatsapp.url,
                },
            ),
            (
                *("email", MAIL),
                {
                    "address": ADDRESS,
                    "mode": "smtp",
                    "smtp_host": "127.0.0.1",
                    "smtp_port": str(self.mailbox_port),
                    "smtp_tls": "none",
                    "authserv_id": AUTHSERV_ID,
                },
            ),
            (
                *("site_chat", SITE),
                {
                    "title": "Автосервис «Колодка»",
                    "greeting": "Здравствуйте! Спросите о ремонте или записи.",
                    "allowed_origins": SHOP,
                    "identity_secret": self.kept.identity_secret,
                    "prechat": "optional",
                    "ip_rate": "0",
                },
            ),
            (
                *("call_hook", CALLS),
                {
                    "secret": self.kept.hook_secret,
                    "recordings_base": self.telephones.recordings,
                },
            ),
            (
                *("lead_form", FORMS),
                {"path_secret": self.kept.hook_secret, "allowed_origins": SHOP},
            ),
        )
        for kind, slug, fields in wanted:
            try:
                row = await channels.find(slug)
            except NotFound:
                team = await self._corporate_team(engine, now=now()) if slug == MAIL else None
                options = ChannelOptions(language=settings.language, team=team)
                await channels.add(kind, slug, fields, options, by=None)
            else:
                await channels.change(row.id, fields, options_of(row), by=None)


async def _give_a_telephone(engine: AsyncEngine, email: str, extension: str) -> None:
    """Unless they have one. Raises ExtensionTaken."""
    async with transaction(engine) as connection:
        colleague = await colleague_by_email(connection, email)
        if colleague is not None and not await extension_of(connection, colleague.id):
            await change_user(connection, colleague.id, extension=extension)
