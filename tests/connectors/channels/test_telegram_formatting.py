"""Telegram's entities become HTML that is safe and well formed."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies as st

from tests.connectors.channels.telegram_world import Json, message_of


@pytest.mark.parametrize(
    ("text", "entities", "html"),
    [
        ("Привет мир", [("bold", 0, 6, {})], "<b>Привет</b> мир"),
        ("😀 мир <b>", [("italic", 3, 3, {})], "😀 <i>мир</i> &lt;b&gt;"),
        ("abc", [("bold", 0, 2, {}), ("italic", 1, 2, {})], "<b>a<i>b</i></b><i>c</i>"),
        ("abc", [("bold", 0, 3, {}), ("italic", 0, 3, {})], "<b><i>abc</i></b>"),
        ("тут", [("text_link", 0, 3, {"url": 'https://a.b/?x="1"&y'})],
         '<a href="https://a.b/?x=&quot;1&quot;&amp;y">тут</a>'),
        ("тут", [("text_link", 0, 3, {"url": "javascript:alert(1)"})], ""),
        ("www.a.b", [("url", 0, 7, {})], '<a href="http://www.a.b">www.a.b</a>'),
        ("a\nb", [("bold", 0, 1, {})], "<b>a</b><br>b"),
        ("#tag", [("hashtag", 0, 4, {})], ""),
        ("ab", [("bold", -5, 100, {}), ("bold", 7, 1, {})], "<b>ab</b>"),
    ],
)  # fmt: skip
def test_entities_become_html(
    text: str, entities: list[tuple[str, int, int, Json]], html: str
) -> None:
    told = [
        {"type": kind, "offset": at, "length": length} | more for kind, at, length, more in entities
    ]
    message = message_of(text=text, entities=told)
    assert (message.text, message.html) == (text, html)


@given(
    st.text(alphabet="ab<&😀é\n", max_size=12),
    st.lists(st.tuples(st.sampled_from(["bold", "code", "url", "blockquote"]), st.integers(-2, 20), st.integers(-2, 20)), max_size=6),
)  # fmt: skip
def test_html_is_well_formed_however_entities_lie(
    text: str, entities: list[tuple[str, int, int]]
) -> None:
    told = [{"type": kind, "offset": at, "length": length} for kind, at, length in entities]
    stack: list[str] = []
    words: list[str] = []

    class Strict(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            words.append("\n") if tag == "br" else stack.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert stack.pop() == tag

        def handle_data(self, data: str) -> None:
            words.append(data)

    message = message_of(text=text, entities=told)
    if message.html:
        parser = Strict()
        parser.feed(message.html)
        parser.close()
        assert "".join(words) == text
    assert not stack
