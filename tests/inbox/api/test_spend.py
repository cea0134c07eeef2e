"""/spend: rows and files of other programs, written once however often they are sent."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text

from storage.company import Company, save_company
from storage.spend_reckoning import set_rate
from tests.bad_spend_files import BAD

ROWS = {
    "account": "Директ",
    "source": "yandex",
    "currency": "RUB",
    "rows": [
        {"day": "2026-11-01", "amount": 100050, "campaign": "Тормоза", "clicks": 7},
        {"day": "2026-11-02", "last_day": "2026-11-04", "amount": 10000, "campaign": "Масло"},
    ],
}
FILE = "дата;кампания;расход\n01.11.2026;Тормоза;7,50\n31.02.2026;Тормоза;1\n"


async def amounts(api):
    async with api.engine.connect() as connection:
        found = await connection.execute(text("select counted from spend order by day, counted"))
        return list(found.scalars())


async def test_rows_are_written_once_into_an_account_that_is_made(api):
    tried = await api("POST", "/spend", json={**ROWS, "dry_run": True})
    assert (tried.status, tried.body["written"], tried.body["id"]) == (200, 4, None)
    assert await amounts(api) == []
    done = await api("POST", "/spend", json=ROWS)
    assert (done.status, done.body["written"], done.body["unchanged"]) == (200, 4, False)
    assert (done.body["first_day"], done.body["last_day"]) == ("2026-11-01", "2026-11-04")
    assert done.body["totals"] == [{"currency": "RUB", "amount": 110050}]
    again = await api("POST", "/spend", json={**ROWS, "source": ""})
    assert (again.body["unchanged"], again.body["id"]) == (True, done.body["id"])
    assert await amounts(api) == [100050, 3333, 3333, 3334]


async def test_what_is_covered_may_be_more_than_the_rows(api):
    await api("POST", "/spend", json=ROWS)
    one = {
        "account": "Директ",
        "first_day": "2026-11-01",
        "last_day": "2026-11-30",
        "rows": [{"day": "2026-11-09", "amount": -500}],
    }
    done = await api("POST", "/spend", json=one)
    assert (done.body["replaced"], done.body["written"]) == (4, 1)
    assert await amounts(api) == [-500]
    listed = (await api("GET", "/spend/imports", scope="read")).body["items"]
    assert [(each["written"], each["standing"]) for each in listed] == [(1, 1), (4, 0)]


@pytest.mark.parametrize("how", ["text", "body"])
async def test_a_file_is_read_as_it_is(api, how):
    new = {"account": "A", "source": "x", "currency": "RUB"}

    async def send(**more):
        if how == "text":
            return await api("POST", "/spend", json={**new, **more, "file": FILE})
        flags = "".join(f"&{flag}=true" for flag in more)
        query = f"account=A&source=x&currency=RUB&file_name=a.csv{flags}"
        return await api("POST", f"/spend/files?{query}", data=FILE.encode("cp1251"))

    kept_out = await send()
    assert (kept_out.status, "skip_bad_lines=true" in kept_out.body["detail"]) == (409, True)
    assert kept_out.body["errors"] == [{"where": "line 3", "what": "There is no day 31.02.2026."}]
    assert await amounts(api) == []
    tried = await send(dry_run=True)
    assert (tried.status, tried.body["written"], tried.body["refused"]) == (200, 1, 1)
    done = await send(skip_bad_lines=True)
    assert (done.status, done.body["written"], done.body["refused"]) == (200, 1, 1)
    assert done.body["problems"] == [
        {"line": 3, "reason": "There is no day 31.02.2026.", "refused": True}
    ]
    assert await amounts(api) == [750]


async def test_of_bad_files_every_line_is_named_and_the_rest_is_written_when_asked(api):
    for number, (what, content, problems, written) in enumerate(BAD):
        where = f"/spend/files?account=A{number}&source=x&currency=RUB"
        tried = await api("POST", f"{where}&dry_run=true", data=content)
        refusals = [(f"line {line}", reason) for line, reason, refused in problems if refused]
        if refusals:
            kept_out = await api("POST", where, data=content)
            assert kept_out.status == 409, what
            told = [(each["where"], each["what"]) for each in kept_out.body["errors"]]
            assert told == refusals, what
        done = await api("POST", f"{where}&skip_bad_lines=true", data=content)
        for answer in (tried, done):
            assert (answer.status, answer.body["written"]) == (200, len(written)), what
            told = [
                (each["line"], each["reason"], each["refused"]) for each in answer.body["problems"]
            ]
            assert told == problems, what


async def test_what_cannot_be_written_is_said_and_changes_nothing(api):
    await api("POST", "/spend", json=ROWS)
    before = await amounts(api)
    row = ROWS["rows"][0]
    for status, body in (
        (404, {"rows": [row], "account": "Nobody"}),
        (400, {"account": "Директ"}),
        (400, {"rows": [row], "file": "x"}),
        (400, {"rows": [{**row, "currency": "ZZZ"}]}),
        (400, {"rows": [{**row, "last_day": "2026-10-01"}]}),
        (400, {"rows": [row], "first_day": "2026-11-02"}),
        (400, {"rows": [{**row, "amount": 1.5}]}),
        (400, {"file": "x", "format": "xls"}),
        (409, {"file": "a;b\n1;2\n"}),
        (409, {"rows": [{**row, "amount": 10**15}]}),
    ):
        assert (await api("POST", "/spend", json=body)).status == status, body
    assert (await api("POST", "/spend/files?format=csv", data=b"")).status == 409
    assert await amounts(api) == before


async def test_of_a_file_in_which_nothing_can_be_written_every_line_is_named(api):
    data = b"date;cost\n31.02;1\n2026-11-01;x\n2099-01-01;3\n"
    for more in ("", "&skip_bad_lines=true", "&dry_run=true"):
        where = f"/spend/files?account=A&source=x&currency=RUB{more}"
        said = await api("POST", where, data=data)
        assert (said.status, "Line 2: “31.02” is not a day." in said.body["detail"]) == (409, True)
        assert [(each["where"], each["what"]) for each in said.body["errors"]] == [
            ("line 2", "“31.02” is not a day."),
            ("line 3", "“x” is not an amount."),
            ("line 4", "2099-01-01 is still to come."),
        ]
    many = "date;cost\n" + "31.02;1\n" * 150
    assert len((await api("POST", where, data=many.encode())).body["errors"]) == 100


async def test_tomorrow_is_by_the_companys_clock_and_nothing_is_of_later(api):
    async with api.engine.begin() as connection:
        await save_company(connection, Company(time_zone="Pacific/Kiritimati"))
    # There it is the next day already.
    for day, status in (("2026-11-23", 200), ("2026-11-24", 400), ("1999-12-31", 400)):
        rows = [{"day": day, "amount": 5}]
        assert (await api("POST", "/spend", json={**ROWS, "rows": rows})).status == status, day


async def test_what_waits_for_a_rate_is_said_before_it_is_written_and_after(api):
    data = b"date;cost;currency\n2026-11-01;5;USD\n2026-11-02;6;USD\n2026-11-02;7;RUB\n"
    async with api.engine.begin() as connection:
        await set_rate(connection, currency="USD", day=date(2026, 11, 2), rate=Decimal(90))
    where = "/spend/files?account=A&source=x&currency=RUB"
    said = [
        (await api("POST", f"{where}{more}", data=data)).body
        for more in ("&dry_run=true", "", "&dry_run=true", "")
    ]
    assert [each["uncounted"] for each in said] == [1, 1, 1, 1]
    assert [each["unchanged"] for each in said] == [False, False, True, True]
    assert [(each["written"], each["replaced"]) for each in said] == [(3, 0)] * 4


async def test_reading_tokens_write_nothing(api):
    assert (await api("POST", "/spend", json=ROWS, scope="read")).status == 403
