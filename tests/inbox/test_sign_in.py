from datetime import timedelta

from inbox.pages.sign_in import MOST_BY_EMAIL
from inbox.sessions import LASTS
from tests.inbox.stage import PASSWORD


async def test_the_right_password_opens_the_inbox(stage, browser):
    await stage.hire("Anna")
    anna = await browser()

    answer = await anna.sign_in("ANNA@example.com", PASSWORD)

    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert (await anna.get("/")).status == 200
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


async def test_a_wrong_password_and_an_unknown_email_get_the_same_words(stage, browser):
    await stage.hire("Anna")
    guest = await browser()

    wrong = await guest.sign_in("anna@example.com", "wrong")
    unknown = await guest.sign_in("nobody@example.com", "wrong")

    assert wrong.status == unknown.status == 401
    said = "Почта или пароль не подходят."
    assert said in wrong.text
    assert said in unknown.text


async def test_guessing_is_stopped_even_with_the_right_password_at_last(stage, browser):
    await stage.hire("Anna")
    guest = await browser(**{"Accept-Language": "en"})
    for _ in range(MOST_BY_EMAIL):
        assert (await guest.sign_in("anna@example.com", "wrong")).status == 401

    stopped = await guest.sign_in("anna@example.com", PASSWORD)
    assert stopped.status == 429
    assert "Wait a quarter of an hour" in stopped.text

    stage.time += timedelta(minutes=16)
    assert (await guest.sign_in("anna@example.com", PASSWORD)).status == 303


async def test_a_success_forgets_the_mistakes_before_it(stage, browser, count):
    await stage.hire("Anna")
    anna = await browser()
    await anna.sign_in("anna@example.com", "wrong")
    assert await count("sign_in_attempt") == 1

    await anna.sign_in("anna@example.com", PASSWORD)
    assert await count("sign_in_attempt") == 0


async def test_a_disabled_colleague_does_not_get_in_and_is_thrown_out(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    assert (await anna.get("/")).status == 200

    await stage.shop.sql("update user_account set disabled_at = now()")

    assert (await anna.get("/")).headers["Location"] == "/sign-in"
    assert (await anna.sign_in("anna@example.com", PASSWORD)).status == 401


async def test_signing_in_makes_a_new_token_and_ends_the_old_one(stage, browser, count):
    await stage.hire("Anna")
    anna = await browser("Anna")
    before = {cookie.value for cookie in anna.session.cookie_jar}

    await anna.sign_in("anna@example.com", PASSWORD)

    assert {cookie.value for cookie in anna.session.cookie_jar}.isdisjoint(before)
    assert await count("session") == 1


async def test_the_database_holds_no_token(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    [cookie] = anna.session.cookie_jar
    rows = await stage.shop.sql("select token_hash from session")
    assert len(rows[0].token_hash) == 64
    assert cookie.value not in str(rows)


async def test_a_session_slides_while_it_is_used_and_ends_when_it_is_not(stage, browser):
    await stage.hire("Anna")
    anna = await browser("Anna")
    stage.time += LASTS - timedelta(hours=1)
    assert (await anna.get("/")).status == 200
    stage.time += LASTS - timedelta(hours=1)
    assert (await anna.get("/")).status == 200
    stage.time += LASTS + timedelta(seconds=1)
    assert (await anna.get("/")).status == 303


async def test_signing_out_ends_the_session_on_the_server(stage, browser, count):
    await stage.hire("Anna")
    anna = await browser("Anna")
    assert await count("session") == 1
    assert (await anna.post("/sign-out")).status == 303
    assert await count("session") == 0


async def test_a_one_time_password_must_be_changed_before_anything_else(stage, browser):
    await stage.hire("Anna", must_change_password=True)
    anna = await browser("Anna")

    assert (await anna.get("/")).headers["Location"] == "/profile/password"
    assert (await anna.fragment("/conversations")).status == 401

    short = await anna.post(
        "/profile/password", {"password": PASSWORD, "new": "short", "again": "short"}
    )
    assert short.status == 422
    changed = await anna.post(
        "/profile/password",
        {"password": PASSWORD, "new": "four quite other words", "again": "four quite other words"},
    )
    assert changed.status == 303
    assert (await anna.get("/")).status == 200


async def test_a_new_password_signs_everybody_else_out(stage, browser):
    await stage.hire("Anna")
    thief, anna = await browser("Anna"), await browser("Anna")
    assert (await thief.get("/")).status == 200

    new = {"password": PASSWORD, "new": "four quite other words", "again": "four quite other words"}
    assert (await anna.post("/profile/password", new)).status == 303

    assert (await thief.get("/")).status == 303
    assert (await anna.get("/")).status == 200


async def test_after_signing_in_one_is_where_one_wanted_to_be_and_never_elsewhere(stage, browser):
    await stage.hire("Anna")
    anna = await browser()
    asked = await anna.get("/leads?view=list")
    assert asked.headers["Location"] == "/sign-in?to=%2Fleads%3Fview%3Dlist"

    for to, lands in [
        ("/leads?view=list", "/leads?view=list"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
    ]:
        answer = await anna.sign_in("anna@example.com", PASSWORD, to=to)
        assert answer.headers["Location"] == lands, to


async def test_the_browsers_language_comes_first_and_the_persons_choice_before_it(stage, browser):
    await stage.hire("Anna")
    english = await browser(**{"Accept-Language": "en-GB,en;q=0.9,ru;q=0.5"})
    assert "Sign in" in (await english.get("/sign-in")).text
    russian = await browser(**{"Accept-Language": "de,ru-RU;q=0.8"})
    assert "Войти" in (await russian.get("/sign-in")).text

    anna = await browser("Anna", **{"Accept-Language": "en"})
    assert "Conversation list" in (await anna.get("/")).text
    await anna.post("/profile/language", {"language": "ru"})
    assert "Список диалогов" in (await anna.get("/")).text
