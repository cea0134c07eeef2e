"""How far a mailbox has been read: whatever becomes visible late, and whatever is removed, every mail comes once."""

from hypothesis import given, strategies as st

from connectors.channels.email.imap.cursor import NEAR, Cursor, read_cursor


@given(
    st.text("0123456789abcdef", max_size=8),
    st.integers(0, 2**32),
    st.integers(0, 2**32),
    st.lists(st.integers(0, 2**32), max_size=NEAR),
)
def test_it_is_read_as_it_was_written(
    box: str, validity: int, uid: int, missing: list[int]
) -> None:
    cursor = Cursor(box=box, validity=validity, uid=uid, missing=tuple(missing))
    assert read_cursor(str(cursor)) == cursor


@given(st.text())
def test_what_cannot_be_read_is_the_beginning(written: str) -> None:
    read_cursor(written)
    assert read_cursor(f"{written}x") == Cursor()


def test_another_box_and_another_validity_begin_anew() -> None:
    cursor = Cursor(box="a", validity=1, uid=9, missing=(4,))
    assert cursor.within("a", 1) is cursor
    assert cursor.within("b", 1) == Cursor(box="b", validity=1)
    assert cursor.within("a", 2) == Cursor(box="a", validity=2)


@given(st.data())
def test_every_mail_comes_once_however_late_it_is_seen(data: st.DataObject) -> None:
    """Each UID becomes visible in some round; those less than `NEAR` behind the newest are still waited for."""
    uids = sorted(data.draw(st.sets(st.integers(1, 400), max_size=80)))
    shown_in = {uid: index // 12 + data.draw(st.integers(0, 6)) for index, uid in enumerate(uids)}
    cursor, got, expected, newest = Cursor(), list[int](), set[int](), 0
    seen = set[int]()
    for turn in range(20):
        visible = [uid for uid in uids if shown_in[uid] <= turn]
        expected |= {uid for uid in visible if uid not in seen and uid > newest - NEAR}
        seen |= set(visible)
        # The last of a search is found even when its UID is lower than asked for.
        found = [uid for uid in visible if uid >= cursor.lowest] or visible[-1:]
        new = [uid for uid in found if cursor.wants(uid)]
        for start in range(0, len(new), 5):
            batch = new[start : start + 5]
            cursor = read_cursor(str(cursor.past(batch, got=batch)))
            got += batch
        newest = max(visible, default=0)
    assert len(got) == len(set(got))
    assert expected <= set(got)
    assert len(cursor.missing) <= NEAR
