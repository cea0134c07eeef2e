"""What people set for themselves."""


async def test_a_signature_is_kept_with_its_lines_and_shown_again(stage, browser):
    await stage.hire("Anna")
    await stage.hire("Boris")
    anna, boris = await browser("Anna"), await browser("Boris")
    written = "Анна Иванова\r\nМагазин <b>Ёлка</b>\x00, +7 900 000-00-00  "
    assert (await anna.post("/profile/signature", {"signature": written})).status == 303
    page = (await anna.get("/profile")).text
    assert "Анна Иванова\nМагазин &lt;b&gt;Ёлка&lt;/b&gt;, +7 900 000-00-00</textarea>" in page
    assert "Ёлка" not in (await boris.get("/profile")).text
    await anna.post("/profile/signature", {"signature": "x" * 5000})
    assert f">{'x' * 1000}</textarea>" in (await anna.get("/profile")).text
    await anna.post("/profile/signature", {"signature": ""})
    assert "xxx" not in (await anna.get("/profile")).text
