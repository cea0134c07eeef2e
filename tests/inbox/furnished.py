"""An inbox with one of everything in it, so that every page has something to show."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from router.message import Attachment
from router.spending import SpendRow
from storage import notice_feed
from storage.ad_accounts import add_ad_account
from storage.call_numbers import add_number
from storage.canned_replies import CannedText, add_canned
from storage.dead_letters import NewLetter, keep_letter
from storage.digests import add_digest, add_recipient
from storage.engine import transaction
from storage.fields import add_field
from storage.labels import add_label
from storage.macros import AddLabel, MacroText, add_macro
from storage.overheads import add_overhead
from storage.saved_views import save_view
from storage.sources import seed_rules
from storage.spend_reckoning import set_rate
from storage.spending import enter_by_hand
from storage.tasks import create_task
from storage.tracked_links import make_link
from tests.builders import Rows
from tests.conftest import NOON
from tests.events import a_message, a_person, accepted
from tests.inbox.report_shop import a_week_of_sales
from tests.inbox.stage import Stage

EVERYBODYS: Final = {"owner_id": None, "team_id": None}


async def furnish(stage: Stage) -> dict[str, str]:
    """What the ids in addresses stand for, by what stands before them. Its first two colleagues are an administrator and a manager."""
    account = await stage.shop.connect("bot")
    olga, anna = stage.shop.managers[:2]
    picture = Attachment(kind="image", name="тормоз.png", ref="1", size=3)
    async with transaction(stage.engine) as connection:
        await notice_feed.follow(connection, now=NOON, zone="UTC")  # from here on
    others = [a_person(2, name="Виктор Ли"), a_person(3, name="Павел Смирнов")]
    await stage.receive(
        accepted(account, a_message(text="Сколько стоит?")),
        accepted(
            account,
            a_message(text="", attachments=(picture,), at=NOON + timedelta(minutes=1)),
        ),
        *[accepted(account, a_message(by=each)) for each in others],
    )
    contacts = {row.name: row for row in await stage.shop.sql("select id, name from contact")}
    talk = await stage.shop.one(
        "select id, contact_id from conversation where contact_id = :contact",
        contact=contacts["Person 1"].id,
    )
    merge = await stage.desk.merge(
        contacts["Виктор Ли"].id, contacts["Павел Смирнов"].id, by=olga, reason="Один человек"
    )
    await stage.desk.reply(talk.id, by=anna, text="От 4 500 ₽ с работой")
    await stage.desk.note(talk.id, by=anna, text="Обещала скидку")
    hook, _ = await stage.webhooks.add("https://crm.example/allo", ["lead_opened"], by=olga)
    await stage.webhooks.ping(hook)
    now = stage.now()
    async with transaction(stage.engine) as connection:
        task = await create_task(
            connection,
            text="Перезвонить",
            due_at=now - timedelta(hours=1),
            now=now,
            manager_id=olga,
            created_by=anna,
            conversation_id=talk.id,
            contact_id=talk.contact_id,
        )
        letter = await keep_letter(
            connection,
            NewLetter(stage="route", queue="inbound.0", body=b"{}", reason="ValueError: broken"),
            now=now,
        )
        canned = await add_canned(
            connection,
            CannedText(**EVERYBODYS, code="цена", title="Цена", text="От 4 500 ₽"),
            by=olga,
            now=now,
        )
        macro = await add_macro(
            connection,
            MacroText(**EVERYBODYS, name="Опт", text="", steps=(AddLabel(label="опт"),)),
            by=olga,
            now=now,
        )
        await add_label(connection, name="опт", colour="green", now=now)
        await seed_rules(connection, language="ru", now=now)
        link = await make_link(
            connection,
            name="Листовка у кассы",
            kind="telegram",
            account=account,
            address="shop_bot",
            utm={"source": "flyer"},
            by=olga,
            now=now,
        )
        for number, kind in (("+74951234567", "static"), ("+74951234568", "pool")):
            await add_number(
                connection,
                number=number,
                kind=kind,
                name="Щит",
                pool="site",
                utm={"source": "billboard"},
                now=now,
            )
        await add_field(
            connection, entity="contact", name="Город", kind="text", choices=(), now=now
        )
        await save_view(
            connection, user_id=olga, name="Ждут", query="tab=all&unread=1", shared=True, now=now
        )
        spent_at = await add_ad_account(
            connection,
            name="Листовки",
            platform="yandex-direct",
            source="leaflet",
            medium="offline",
            currency="RUB",
            now=now,
        )
        spent = await enter_by_hand(
            connection,
            spent_at,
            SpendRow(first_day=now.date(), last_day=now.date(), amount=Decimal(5000)),
            by=olga,
            now=now,
        )
        await add_overhead(
            connection,
            name="CRM",
            amount=100_000,
            currency="RUB",
            first_day=now.date(),
            last_day=now.date(),
            by=olga,
            now=now,
        )
        await set_rate(connection, currency="USD", day=now.date(), rate=Decimal(90))
    await stage.shop.sql("update conversation set labels = '{опт}' where id = :id", id=talk.id)
    await stage.shop.sql(
        "insert into origin (source, medium, campaign, first_seen) values ('poster', 'wall', '', now())"
    )
    await stage.publish()
    async with transaction(stage.engine) as connection:
        await notice_feed.follow(connection, now=now, zone="UTC")
    notice = await stage.shop.one(
        "select id from notification where user_id = :olga order by id limit 1", olga=olga
    )
    lead = await stage.shop.one("select id from lead where contact_id = :c", c=talk.contact_id)
    await a_week_of_sales(stage.engine, now=now)
    async with transaction(stage.engine) as connection:
        report = await save_view(
            connection, user_id=olga, name="По утрам", query="period=7d", shared=True, now=now,
            report="sources",
        )  # fmt: skip
        mail = await Rows(connection, now=now).account(slug="office", kind="email")
        sent = await add_digest(
            connection, saved_view=report, account=mail, every="week", on_day=1, hour=9, language="ru",
            by=olga, next_at=now, now=now,
        )  # fmt: skip
        recipient = await add_recipient(
            connection, sent, address="olga@example.com", name="", now=now
        )
    return {
        "/conversations": str(talk.id),
        "/contacts": str(talk.contact_id),
        "/leads": str(lead.id),
        "/tasks": str(task),
        "/merges": str(merge),
        "/notices": str(notice.id),
        "/settings/people": str(anna),
        "/settings/teams": str(stage.shop.team),
        "/settings/pipelines": str(stage.shop.pipeline),
        "/settings/dead-letters": str(letter),
        "/settings/canned-replies": str(canned),
        "/settings/macros": str(macro),
        "/settings/webhooks": str(hook),
        "/settings/links": str(link),
        "/settings/spend/accounts": str(spent_at),
        "/settings/spend/imports": str(spent.id),
        "/settings/channels": "bot",
        "/settings/channels/new": "telegram",
        "/reports/saved": str(report),
        "/digest": recipient.code,
    }
