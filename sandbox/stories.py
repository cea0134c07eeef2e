"""What people want from a car workshop, and what its colleagues answer."""

from collections.abc import Sequence
from typing import Final

from sandbox.telling import (
    HandOver,
    Label,
    Leaves,
    Likes,
    Mends,
    Move,
    Note,
    Photo,
    Resolve,
    SharesPhone,
    Story,
    Turn,
    Way,
)

MESSENGERS: Final[tuple[Way, ...]] = ("telegram", "vk", "whatsapp")
ALL: Final[tuple[Way, ...]] = (*MESSENGERS, "site", "email")

BRAKES: Final = Story(
    name="brakes",
    ways=ALL,
    subject="Замена тормозных колодок",
    prices=(3200, 3600, 4100),
    turns=(
        Turn(
            says=("Здравствуйте! Сколько стоит замена передних колодок на {car}?",),
            answer="Добрый день! Работа {price} ₽, колодки TRW есть в наличии, 4 300 ₽ за комплект. Займёт около часа. Записать вас?",
            then=(Label("тормоза"), Move("qualified")),
        ),
        Turn(
            says=("А {day} в {time} можно?",),
            answer="Да, {day} в {time} есть окно. Записываю: {car}, передние колодки. Адрес: Гаражная, 12, вторые ворота.",
            then=(
                Move("in_work", value="{price}"),
                Note("Колодки TRW отложены на складе, полка 4."),
            ),
        ),
        Turn(says=("Отлично, буду. Спасибо!",), then=(Resolve(),)),
    ),
)

NOISE: Final = Story(
    name="noise",
    ways=MESSENGERS,
    prices=(5400, 7800),
    turns=(
        Turn(
            says=(
                "Добрый день. На {car} что-то стучит спереди справа, на кочках особенно",
                Photo("вот диск, может в нём дело?"),
            ),
            answer="Здравствуйте! Диск с выработкой, но стучит скорее стойка стабилизатора. Диагностика подвески 900 ₽, при ремонте у нас бесплатно.",
            then=(
                Label("подвеска"),
                HandOver("похоже на стойки, это к тебе: посмотришь фото диска?"),
            ),
        ),
        Turn(
            says=(
                "А сколько выйдет, если стойки менять",
                Mends("А сколько выйдет, если менять обе стойки?"),
            ),
            answer="Обе стойки с работой {price} ₽. {day_} в {time} свободен подъёмник, могу записать.",
            then=(Move("qualified"),),
        ),
        Turn(
            says=("Записывайте", Likes()),
            then=(Move("in_work", value="{price}"), Resolve()),
        ),
    ),
)

TYRES: Final = Story(
    name="tyres",
    ways=ALL,
    subject="Шиномонтаж и хранение",
    prices=(3900, 4400),
    turns=(
        Turn(
            says=("Здравствуйте, переобуть {car} на зиму сколько будет? И хранение есть у вас?",),
            answer="Добрый день! Комплекс R16 {price} ₽, хранение до весны 3 000 ₽. Со своими колёсами или нужны шины?",
            then=(Label("шины"), Move("qualified")),
        ),
        Turn(
            says=(
                "Колёса свои, на дисках. Летние оставлю на хранение",
                "{day} после шести реально?",
            ),
            answer="Да, {day} в 18:30 запишем. Возьмите секретки, без них колёса не снять 🙂",
            then=(Move("in_work", value="{price}"),),
        ),
        Turn(says=("Хорошо, договорились",), then=(Resolve(),)),
    ),
)

SERVICE: Final = Story(
    name="service",
    ways=ALL,
    subject="ТО по регламенту",
    prices=(9800, 11500, 14200),
    turns=(
        Turn(
            says=("Добрый день! Нужно ТО на {car}, пробег 92 тысячи. Что входит и сколько стоит?",),
            answer="Здравствуйте! На этом пробеге: масло, масляный, воздушный и салонный фильтры, свечи, осмотр по 40 пунктам. С маслом Shell выйдет {price} ₽.",
            then=(Move("qualified"),),
        ),
        Turn(
            says=("Масло можно своё привезти?",),
            answer="Можно, тогда минус 3 400 ₽. Допуск нужен VW 502.00 или аналог, проверьте на канистре.",
        ),
        Turn(
            says=("Понял, давайте с вашим. {day} утром?",),
            answer="{day_} в {time}, записали. Машину заберёте через два часа, напишем, когда будет готова.",
            then=(Move("in_work", value="{price}"), Label("ТО")),
        ),
    ),
)

READY: Final = Story(
    name="ready",
    ways=(*MESSENGERS, "site"),
    prices=(6700, 12300, 18400),
    turns=(
        Turn(
            says=("Здравствуйте! Моя {car} уже готова?",),
            answer="Добрый день! Да, закончили полчаса назад. К оплате {price} ₽, можно картой. Работаем до 21:00.",
            then=(Move("in_work", value="{price}"),),
        ),
        Turn(says=("Супер, еду",), answer="Ждём вас!", then=(Move("won"), Resolve())),
    ),
)

GEARBOX: Final = Story(
    name="gearbox",
    ways=(*MESSENGERS, "site"),
    prices=(68000, 74000),
    turns=(
        Turn(
            says=("Подскажите, DSG дёргается на {car}, вы такое ремонтируете?",),
            answer="Здравствуйте! Да. Сначала диагностика с адаптацией, 2 500 ₽. Если сцепление, то с работой от {price} ₽, гарантия год.",
            then=(Label("коробка"), Move("qualified")),
        ),
        Turn(
            says=("Дорого. Мне в соседнем сервисе за 45 обещали",),
            answer="Понимаем. За 45 обычно ставят восстановленное сцепление без гарантии. Если передумаете, приезжайте хотя бы на диагностику.",
            then=(Move("lost", reason="Дорого"), Resolve()),
        ),
    ),
)

INVOICE: Final = Story(
    name="invoice",
    ways=("email",),
    subject="Счёт на обслуживание парка",
    prices=(86000, 124000),
    turns=(
        Turn(
            says=(
                "Коллеги, добрый день.\n\nПросим выставить счёт на сезонное обслуживание шести «ГАЗелей»: масло, фильтры, тормозная жидкость.\nОплата по безналу, нужен договор.",
            ),
            answer="Добрый день!\n\nСмета на шесть машин {price} ₽ с НДС. Договор и счёт подготовим сегодня, пришлите, пожалуйста, реквизиты.",
            then=(
                Label("юрлицо"),
                Move("qualified", value="{price}"),
                HandOver("корпоративный клиент, нужен договор: возьмёшь?"),
            ),
        ),
        Turn(
            says=(
                "Реквизиты: ООО «Вектор», ИНН 7700000000.\nПервую машину можем подать {day} к {time}.",
            ),
            answer="Спасибо, договор отправили. {day_} к {time} подъёмник за вами.",
            then=(
                Move("in_work"),
                Note("Договор подписываем через ЭДО, счёт с отсрочкой 10 дней."),
            ),
        ),
    ),
)

SUNDAY: Final = Story(
    name="sunday",
    ways=ALL,
    subject="График работы",
    turns=(
        Turn(
            says=("Вы в воскресенье работаете?",),
            answer="Здравствуйте! Да, с 10 до 18. Запись на воскресенье лучше сделать заранее. Что нужно сделать с машиной?",
        ),
        Turn(
            says=("Пока просто узнаю, спасибо",),
            answer="Хорошо, пишите, если что понадобится!",
            then=(Move("lost", reason="Только вопрос"), Resolve()),
        ),
    ),
)

URGENT: Final = Story(
    name="urgent",
    ways=(*MESSENGERS, "site"),
    prices=(7200, 8900),
    turns=(
        Turn(
            says=("Срочно! {car} не заводится, стою у дома", "Стартер щёлкает и всё"),
            answer="Здравствуйте! Похоже на аккумулятор. Выездной мастер будет через 40 минут, выезд 1 500 ₽. Скажите адрес и телефон.",
            then=(Label("срочно"), Move("qualified")),
        ),
        Turn(
            says=("Лесная, 8, третий подъезд. Телефон {phone}",),
            answer="Мастер Сергей выехал, позвонит за 10 минут. Новый аккумулятор с установкой {price} ₽, старый сдадим в зачёт.",
            then=(Move("in_work", value="{price}"), Note("Сергей взял Varta 60 и пускач.")),
        ),
        Turn(
            says=("Завелась! Спасибо огромное 🙏",),
            answer="Рады помочь! Чек пришлём сюда же. Хорошей дороги!",
            then=(Move("won", value="{price}"), Resolve()),
        ),
    ),
)

CHECK: Final = Story(
    name="check",
    ways=(*MESSENGERS, "email"),
    subject="Осмотр перед покупкой",
    prices=(4500, 5500),
    turns=(
        Turn(
            says=("Здравствуйте! Хочу купить {car} с рук. Проверите перед покупкой?",),
            answer="Добрый день! Да: толщина краски, подвеска, двигатель эндоскопом, сканер по всем блокам. {price} ₽, полтора часа, отчёт с фото.",
            then=(Move("qualified"),),
        ),
        Turn(
            says=("Продавец согласен {day}, в {time} примете?",),
            answer="Примем. Записали: {day} в {time}. Возьмите у продавца VIN, проверим и историю.",
            then=(Move("in_work", value="{price}"), Label("осмотр")),
        ),
    ),
)

THANKS: Final = Story(
    name="thanks",
    ways=(*MESSENGERS, "email"),
    subject="Спасибо мастеру",
    turns=(
        Turn(
            says=(
                "Были у вас вчера на {car}, мастер Сергей всё сделал быстро и аккуратно. Спасибо!",
            ),
            answer="Спасибо за добрые слова, передадим Сергею! Если оставите отзыв на картах, будем очень благодарны.",
            then=(Label("отзыв"), Resolve()),
        ),
    ),
)

TOURIST: Final = Story(
    name="tourist",
    ways=("email",),
    subject="Air conditioning service",
    abroad=True,
    prices=(6900,),
    turns=(
        Turn(
            says=(
                "Hello,\n\ndo you service air conditioning? Mine is a {car}, it blows warm. I do not speak Russian, sorry.",
            ),
            answer="Hello! Yes, we do. A refill with a leak test is {price} RUB and takes an hour. Would Monday at 10 suit you?",
            then=(Label("English"), Move("qualified")),
        ),
        Turn(
            says=("Monday at ten is perfect, thank you!",),
            answer="Great, see you on Monday. Garazhnaya 12, the second gate.",
            then=(Move("in_work", value="{price}"),),
        ),
    ),
)

LEFT: Final = Story(
    name="left",
    ways=("telegram",),
    turns=(
        Turn(
            says=("Сколько стоит замена сцепления на {car}? Нужно быстро, ответьте", Leaves()),
            answer="Здравствуйте! От 18 500 ₽ с работой, точно скажем после осмотра. Приедете сегодня?",
            then=(
                Note("Бот заблокирован, сообщение не дошло. Телефона нет, закрываем."),
                Move("lost", reason="Нет связи"),
            ),
        ),
    ),
)

MISTYPED: Final = Story(
    name="mistyped",
    ways=("email",),
    subject="Развал-схождение",
    wrong_address=True,
    turns=(
        Turn(
            says=("Добрый день, сколько стоит развал-схождение на {car} и когда можно подъехать?",),
            answer="Добрый день! Развал-схождение 2 800 ₽, свободно {day} в {time}. Записать вас?",
            then=(
                Note("Почта вернула ответ: такого адреса нет. Опечатка в обратном адресе?"),
                Label("без связи"),
            ),
        ),
    ),
)

MEETS_AGAIN: Final = Story(
    name="meets again",
    ways=("site", "telegram"),
    prices=(5200,),
    turns=(
        Turn(
            says=(
                "Здравствуйте, записывался через личный кабинет на замену ремня, {car}. Можно перенести?",
            ),
            answer="Добрый день! Конечно. На какой день перенести?",
            then=(Move("qualified"),),
        ),
        Turn(
            says=("Это снова я, писал вам в чат на сайте. Удобнее здесь", SharesPhone()),
            answer="Видим, переписка на месте. Тогда {day} в {time}? Ремень с роликами и работой {price} ₽.",
            then=(Move("in_work", value="{price}"),),
        ),
        Turn(says=("Да, подходит", Likes("❤")), then=(Resolve(),)),
    ),
)
"""Its first turn is on the site, where the person is logged in; the others are in Telegram."""

ENQUIRIES: Final[Sequence[Story]] = (
    Story(
        name="enquiry: oil",
        ways=(),
        turns=(
            Turn(
                says=("Замена масла на {car}, {day} в {time}. Перезвоните, пожалуйста",),
                then=(Note("Позвонили, записали."), Label("ТО"), Move("in_work"), Resolve()),
            ),
        ),
    ),
    Story(
        name="enquiry: brakes",
        ways=(),
        turns=(
            Turn(
                says=("Скрипят тормоза на {car}. Сколько стоит диагностика?",),
                then=(
                    Note("Позвонили: диагностика 900 ₽, приедет и решит."),
                    Label("тормоза"),
                    Move("qualified"),
                    Resolve(),
                ),
            ),
        ),
    ),
    Story(
        name="enquiry: paint",
        ways=(),
        turns=(
            Turn(
                says=("Нужно покрасить бампер, {car}. Интересует цена и срок",),
                then=(
                    Note("Позвонили: кузовных работ у нас нет."),
                    Move("lost", reason="Не наш профиль"),
                    Resolve(),
                ),
            ),
        ),
    ),
)
"""What people ask for in the form of the landing page; a colleague calls them."""

STORIES: Final[Sequence[Story]] = (
    *(
        BRAKES,
        NOISE,
        TYRES,
        SERVICE,
        READY,
        GEARBOX,
        INVOICE,
        SUNDAY,
        URGENT,
        CHECK,
        THANKS,
        TOURIST,
    ),
    *(LEFT, MISTYPED, MEETS_AGAIN),
)
OPENING: Final[Sequence[tuple[Story, Way]]] = (
    *(
        (BRAKES, "telegram"),
        (TYRES, "site"),
        (URGENT, "whatsapp"),
        (INVOICE, "email"),
        (NOISE, "vk"),
        (LEFT, "telegram"),
    ),
    *((MEETS_AGAIN, "site"), (READY, "telegram"), (MISTYPED, "email"), (GEARBOX, "site")),
)
"""Who comes first, so that the first minute shows what there is to see."""

FIRST_LINES: Final = "Здравствуйте! Передали мастеру, ответим в течение нескольких минут. Если срочно: +7 495 000-00-12."
"""To words that are in no story: a newcomer who tries the chat themselves is answered, too."""
