"""What the workshop had set up before its first day: labels, ready answers, macros, views, fields, two more pipelines.

Made once; whoever takes one away does not find it back after the next start.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage import pipelines
from storage.analytics.self_reported import choose_self_reported
from storage.canned_replies import CannedText, add_canned
from storage.engine import transaction
from storage.fields import add_field
from storage.labels import add_label
from storage.macros import (
    AddLabel,
    AddNote,
    AddTask,
    AssignTo,
    MacroText,
    MoveLead,
    SetStatus,
    Snooze,
    Step,
    add_macro,
)
from storage.reading.fields import Entity, list_fields
from storage.reading.pipelines import PipelineRow, list_pipelines
from storage.saved_views import save_view

LABELS: Final = (
    ("срочно", "red"),
    ("тормоза", "amber"),
    ("подвеска", "amber"),
    ("шины", "sky"),
    ("ТО", "green"),
    ("осмотр", "green"),
    ("коробка", "petrol"),
    ("юрлицо", "violet"),
    ("English", "violet"),
    ("отзыв", "slate"),
    ("без связи", "red"),
    ("ждём деталь", "petrol"),
)

CANNED: Final = (
    (
        "адрес",
        "Как нас найти",
        "{{contact.first_name|Здравствуйте}}, мы на Гаражной, 12, вторые ворота со двора. Парковка бесплатная.",
    ),
    ("часы", "Когда открыты", "Работаем каждый день с 9:00 до 21:00, приём машин до 20:00."),
    (
        "запись",
        "Предложить время",
        "{{contact.first_name|Добрый день}}, есть окна завтра в 10:30 и в 15:00. Какое вам удобнее?",
    ),
    (
        "цена",
        "Сумма по заявке",
        "По заявке № {{lead.number}} выходит {{lead.value|сумма после осмотра}}: работа и материалы, без доплат.",
    ),
    (
        "готово",
        "Машину можно забирать",
        "{{contact.first_name|Здравствуйте}}, машина готова, можно забирать до 21:00. {{manager.first_name|Менеджер}} встретит у ворот.",
    ),
    ("фото", "Попросить снимок", "Пришлите, пожалуйста, фото VIN или свидетельства: подберём деталь точно."),
    ("гарантия", "Гарантия", "На работу даём 12 месяцев или 20 000 км, на детали — гарантию производителя."),
    ("отзыв", "Попросить отзыв", "Если всё понравилось, оставьте, пожалуйста, отзыв: нам это очень помогает."),
)  # fmt: skip

HEARD: Final = (
    "Реклама в интернете",
    "Карты и справочники",
    "Посоветовали",
    "Проезжали мимо",
    "Уже бывали у нас",
)
"""How customers say they heard of the workshop."""
HOW_THEY_HEARD: Final = "Откуда узнали о нас"

FIELDS: Final[Sequence[tuple[Entity, str, str, Sequence[str]]]] = (
    ("contact", "Марка машины", "choice", ("Kia", "Hyundai", "Volkswagen", "Škoda", "Lada", "Другая")),
    ("contact", "Госномер", "text", ()),
    ("contact", "День рождения", "date", ()),
    ("lead", "Приедет", "date", ()),
    ("lead", "Пробег, км", "number", ()),
    ("lead", "Детали клиента", "yes_no", ()),
    ("lead", HOW_THEY_HEARD, "choice", HEARD),
)  # fmt: skip

TYRES: Final = "Хранение шин"
CORPORATE: Final = "Договоры с компаниями"
MORE_PIPELINES: Final = (
    (
        CORPORATE,
        (
            ("Обращение", "open"), ("Встреча", "open"), ("Предложение", "qualified"), ("Договор", "qualified"),
            ("Подписан", "won"), ("Отказ", "lost"),
        ),
        ("Дорого", "Свой сервис", "Нет отсрочки", "Тендер проигран"),
    ),
    (
        TYRES,
        (("Заявка", "open"), ("Колёса приняты", "open"), ("Выданы", "won"), ("Отменено", "lost")),
        ("Передумали", "Нет места"),
    ),
)  # fmt: skip

VIEWS: Final = (
    ("Ждут в мессенджерах", "tab=all&channel=telegram&channel=whatsapp&channel=vk&waiting=1"),
    ("Срочные", "tab=all&label=%D1%81%D1%80%D0%BE%D1%87%D0%BD%D0%BE"),
    ("Юрлица", "tab=all&label=%D1%8E%D1%80%D0%BB%D0%B8%D1%86%D0%BE"),
)


async def furnish(engine: AsyncEngine, *, owner: UUID, now: datetime) -> None:
    """`owner` is whose the shared views are. A workshop that has its fields has been furnished."""
    async with transaction(engine) as connection:
        if await list_fields(connection, of="contact"):
            return
        for name, colour in LABELS:
            await add_label(connection, name=name, colour=colour, now=now)
        for entity, name, kind, choices in FIELDS:
            made = await add_field(
                connection, entity=entity, name=name, kind=kind, choices=choices, now=now
            )
            if name == HOW_THEY_HEARD:
                await choose_self_reported(connection, made, chosen=True)
        for code, title, words in CANNED:
            written = CannedText(owner_id=None, team_id=None, code=code, title=title, text=words)
            await add_canned(connection, written, by=None, now=now)
        await _pipelines(connection)
        sales = (await list_pipelines(connection))[0]
        for name, words, steps in _macros(sales):
            macro = MacroText(owner_id=None, team_id=None, name=name, text=words, steps=steps)
            await add_macro(connection, macro, by=None, now=now)
        for name, query in VIEWS:
            await save_view(connection, user_id=owner, name=name, query=query, shared=True, now=now)


async def _pipelines(connection: AsyncConnection) -> None:
    sales = (await list_pipelines(connection))[0]
    open_ones = [each for each in sales.stages if not each.is_closed]
    looks: Sequence[Mapping[str, object]] = (
        {"colour": "sky", "norm_days": 1, "probability": 10},
        {"colour": "amber", "norm_days": 3, "probability": 40},
        {
            "colour": "green",
            "norm_days": 7,
            "probability": 80,
            "task_text": "Подтвердить запись",
            "task_minutes": 120,
        },
    )
    for stage, look in zip(open_ones, looks, strict=False):
        await pipelines.change_stage(connection, stage.id, look)
    for name, stages, reasons in MORE_PIPELINES:
        await pipelines.add_pipeline(
            connection,
            name=name,
            currency=sales.currency,
            stages=stages,
            lost_reasons=reasons,
        )


def _macros(sales: PipelineRow) -> Sequence[tuple[str, str, Sequence[Step]]]:
    qualified = next((each for each in sales.stages if each.kind == "qualified"), sales.stages[0])
    return (
        (
            "Записать и напомнить",
            "{{contact.first_name|Добрый день}}, записали вас. За день до визита напомним.",
            (
                AssignTo(),
                MoveLead(stage=qualified.id),
                AddTask(text="Напомнить о визите", hours=20),
                AddNote(text="Записан(а): {{lead.title|без заявки}}"),
            ),
        ),
        (
            "Ждём деталь",
            "Деталь заказали, придёт через два дня. Как только будет у нас, напишем.",
            (AddLabel(label="ждём деталь"), Snooze(hours=48)),
        ),
        (
            "Поблагодарить и закрыть",
            "Спасибо, что выбрали нас! Если что-то понадобится, пишите сюда же.",
            (AddLabel(label="отзыв"), SetStatus(status="resolved")),
        ),
    )
