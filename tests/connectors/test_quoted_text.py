import json
import time
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from connectors.quoted_text import new_words

SAMPLES = Path(__file__).parent / "payloads" / "email"
RUSSIAN = json.loads((SAMPLES / "ru_reply_samples.json").read_text())


@pytest.mark.parametrize("sample", RUSSIAN, ids=[each["id"] for each in RUSSIAN])
def test_what_russian_mail_clients_quote_is_folded(sample: dict[str, str | None]) -> None:
    text, wanted = sample["text"], sample["want_reply"]
    assert text is not None
    assert new_words(text).words == (text.strip() if wanted is None else wanted)


QUOTED = "\n> Добрый день!\n> Подтвердите заказ.\n"
MORE_SHAPES = {
    "gmail_old": f"Да, подходит.\n\n21 ноября 2026 г., 12:03 пользователь Иван <ivan@example.ru> написал:\n{QUOTED}",
    "gmail_wrapped": f"Да, подходит.\n\nсб, 21 нояб. 2026 г. в 12:03, Иван Петров из отдела закупок <\nivan@example.ru>:\n{QUOTED}",
    "gmail_plus_zone": f"Да, подходит.\n\nOn Sat, 21 Nov 2026 at 12:03 (GMT+3), Ivan <i@example.ru> wrote:\n{QUOTED}",
    "yandex_old": 'Да, подходит.\n\n----------------\nКому: Мария (m@example.com);\nТема: Заказ 15;\n21.11.2026, 12:03, "Иван" <i@example.ru>:\n\nДобрый день!\n',
    "yandex_mobile": f"Да, подходит.\n\nОтправлено из мобильной Яндекс Почты\n\n21.11.2026, 12:03, Иван <i@example.ru>:{QUOTED}",
    "mailru_new": "Да, подходит.\n\n \n--\nМария Сидорова\n \n \n> Суббота, 21 ноября 2026, 12:03 +03:00 от Иван <i@example.ru>:\n>  \n> Добрый день!\n",
    "outlook_en": "Да, подходит.\n\nFrom: Ivan <i@example.ru>\nSent: Saturday, November 21, 2026 12:03 PM\nTo: Maria <m@example.com>\nSubject: RE: Order\n\nHello\n",
    "outlook_rule": "Да, подходит.\n\n________________________________\nОт: Иван <i@example.ru>\nОтправлено: 21 ноября 2026 г.\nКому: Мария\nТема: Заказ\n\nДобрый день!\n",
    "outlook_bold": "Да, подходит.\n\n*От:* Иван <i@example.ru>\n*Дата:* 21.11.2026 12:03\n*Кому:* Мария\n*Тема:* Заказ\n\nДобрый день!\n",
    "outlook_mobile": "Да, подходит.\n\nСкачать Outlook для Android\n________________________________\nFrom: Иван <i@example.ru>\nSent: Saturday\nTo: Мария\nSubject: Заказ\n\nДобрый день!\n",
    "original": "Да, подходит.\n\n-----Original Message-----\nFrom: Ivan\nHello\n",
    "ios": "Да, подходит.\n\nОтправлено с iPhone\n\n> 21 нояб. 2026 г., в 12:03, Иван <i@example.ru> написал(а):\n> \n> Добрый день!\n",
    "thunderbird_dash": f"Да, подходит.\n\n21.11.2026 12:03, Иван Петров пишет:{QUOTED}",
    "ukrainian": f"Да, подходит.\n\nсб, 21 лист. 2026 р. о 12:03 Іван <i@example.ua> пише:\n{QUOTED}",
    "german": f"Да, подходит.\n\nAm 21.11.2026 um 12:03 schrieb Hans Meier <h@example.de>:\n{QUOTED}",
    "bare_quote": f"Да, подходит.\n{QUOTED}",
    "windows_lines": 'Да, подходит.\r\n\r\n21.11.2026, 12:03, "Иван" <i@example.ru>:\r\n> Добрый день!\r\n',
    "signature": "Да, подходит.\n\n-- \nМария Сидорова\nООО «Ромашка»\n+7 495 000-00-00\n",
    "blackberry": "Да, подходит.\n\nSent from my BlackBerry",
    "list_footer": "Да, подходит.\n\n_______________________________________________\nсписок рассылки\nlist@example.org\n",
}


@pytest.mark.parametrize("text", MORE_SHAPES.values(), ids=MORE_SHAPES)
def test_other_shapes_of_quotes_and_signatures_are_folded_too(text: str) -> None:
    reply = new_words(text)
    assert reply.words == "Да, подходит."
    assert reply.folded


KEPT = {
    "a sentence that ends in a verb": "Клиент пишет:\nхочу скидку",
    "an address list": "От: склада\nКому: магазину\n\nПривезите, пожалуйста, две палеты.",
    "a date in a sentence": "Прошу доставить 21.11.2026, а счёт выставить на:\nООО «Ромашка»",
    "an announcement": "Напоминаю: встреча в субботу, 21 ноября 2026 года:\n- смета\n- сроки",
    "dashes in a list": "Нужно:\n--\nколодки\n--\nдиски\n--\nфильтр\nмасло\nремень\nсвечи\nлампы\nщётки\nковры\nчехлы\nдомкрат\nтрос\nаптечка\nзнак",
    "answers between lines": "> Какой цвет?\nКрасный\n> Какой размер?\nXL",
    "answer under a chosen line": "> Какой цвет?\nКрасный",
    "sent from somewhere": "Документы получены.\n\nSent from my desk, is much easier than my mobile phone.",
    "sent with what": "Груз\n\nОтправлено с доставкой до двери, номер 123. Когда придёт?",
    "a forward": "Посмотрите, пожалуйста.\n\n-------- Пересылаемое сообщение --------\n21.11.2026, 12:03, Иван <i@example.ru>:\n\nНужны шины R16",
    "nothing but a quote": "> Добрый день!\n> Подтвердите заказ.",
    "nothing but an attribution": '21.11.2026, 12:03, "Иван" <i@example.ru>:\nДобрый день!',
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_only_looks_like_a_quote_stays(text: str) -> None:
    reply = new_words(text)
    assert reply.words == text
    assert not reply.folded


def test_an_answer_under_the_quote_is_what_is_new() -> None:
    text = "21.11.2026 12:03, Иван пишет:\n> Какой цвет?\n\nКрасный, пожалуйста."
    assert new_words(text).words == "Красный, пожалуйста."


def test_answers_between_the_lines_keep_the_attribution_and_the_lines() -> None:
    text = "21.11.2026 12:03, Иван пишет:\n> Какой цвет?\nКрасный\n> Какой размер?\nXL"
    assert new_words(text).words == text


FIRST_AND_LAST = {
    "correct_sig": ("this is an email", "-- signature."),
    "email_1_1": ("Hi folks", "-Abhishek Kona"),
    "email_1_3": ("Oh thanks.", "-Abhishek Kona"),
    "email_1_4": ("Awesome!", "with it."),
    "email_1_5": ("One: Here's", "for a while."),
    "email_1_7": (":+1:", ":+1:"),
    "email_2_1": ("Outlook with a reply", "Outlook with a reply"),
    "email_2_2": ("Outlook with", "above line"),
    "email_BlackBerry": ("Here is another email", "Here is another email"),
    "email_bullets": ("test 2", "and another"),
    "email_iPhone": ("Here is another email", "Here is another email"),
    "email_multi_word_sent_from_my_mobile_device": (
        "Here is another email",
        "Here is another email",
    ),
    "email_one_is_not_on": ("Thank, this", "when I run..."),
    "email_sent_from_my_not_signature": ("Here is another email", "my mobile phone."),
    "email_sig_delimiter_in_middle_of_line": ("Hi there!", "kthxbai"),
    "greedy_on": ("On your remote host", "the tunnel is not working."),
    "pathological": ("I think you're", "back to a computer."),
    "email_2_3": ("Outlook with", ""),
    "email_gmail": ("This is a test", "a github message."),
    "email_headers_no_delimiter": ("And another reply!", "And another reply!"),
    "email_partial_quote_header": ("On your remote host", "the tunnel is not working."),
}
REPLIES = sorted(SAMPLES.glob("replies-*/*.txt"))


@pytest.mark.parametrize(
    "path", REPLIES, ids=[f"{each.parent.name}/{each.stem}" for each in REPLIES]
)
def test_the_samples_of_other_projects_read_sensibly(path: Path) -> None:
    words = new_words(path.read_text()).words
    begins, ends = FIRST_AND_LAST.get(path.stem.partition("-")[2], ("", ""))
    assert words
    assert words.startswith(begins)
    assert words.endswith(ends)


PIECES = [
    ">",
    "> ",
    "-",
    "_" * 30 + "\n",
    "On 1.1.2026 a@b.c ",
    "On Jan 1, 2026, a wrote\n",
    "От: а\n",
    "От: а\nКому: б\n\n",
    "a@",
    "<a@b>\n",
    "21.11.2026 12:03\n",
    "21 ноября ",
    "-----",
    "-- \n",
    "Отправлено с ",
    "Sent from my a",
    "\n",
    "\n> a\nb",
    "(((",
    '"',
]


@pytest.mark.parametrize("piece", PIECES, ids=range(len(PIECES)))
def test_time_is_linear_whatever_is_repeated(piece: str) -> None:
    began = time.process_time()
    new_words("Да.\n" + piece * (750_000 // len(piece)))
    assert time.process_time() - began < 2


def test_a_quote_of_a_700_kilobyte_line_takes_no_time() -> None:
    text = (
        "Hi folks\n\nWhat is the best way?\n"
        + ">" * 58_000
        + "\n\n"
        + "> " * 350_000
        + "\n\n-Kona\n"
    )
    began = time.process_time()
    assert new_words(text).words.startswith("Hi folks")
    assert time.process_time() - began < 1


WORDS = st.sampled_from(
    [
        "> a",
        "",
        "слово",
        "-- ",
        "21.11.2026, 12:03, И <i@e.ru>:",
        "От: и",
        "Кому: м",
        "Тема: т",
        "Дата: д",
        "-----Исходное сообщение-----",
    ]
)


@given(st.one_of(st.text(), st.lists(WORDS, max_size=30).map("\n".join)))
def test_any_text_keeps_some_words_when_it_has_any(text: str) -> None:
    reply = new_words(text)
    assert bool(reply.words.strip()) == bool(text.strip())
