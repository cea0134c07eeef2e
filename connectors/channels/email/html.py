"""HTML of a mail: made harmless for the inbox, or made text.

nh3 (the html5ever parser of browsers) does the parsing. Its time is quadratic in nesting: measured, 200 000 nested
`<div>` take two minutes, and a million `&` 12 s. So a mail is weighed first, in linear time; what no mailer writes is
not parsed at all and comes as plain text, with the original as a file.
"""

import html as entities
import re
from typing import Final

import nh3

LIMIT: Final = 1_000_000
"""Characters; a newsletter has 100 000, Gmail cuts at 102 KB."""

_DEEP: Final = 400
_COSTLY: Final = 2_000_000
_ENTITIES: Final = 50_000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>")
_FLAT: Final = frozenset(
    {
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
        "p",
        "li",
        "td",
        "th",
        "tr",
        "dt",
        "dd",
        "option",
        "tbody",
        "thead",
        "tfoot",
    }
)
"""Void, or closed by themselves: an unclosed one does not nest."""

_SCHEMES: Final = {"http", "https", "mailto", "tel", "cid"}
_TAGS: Final = nh3.ALLOWED_TAGS | {"font", "s", "big", "colgroup", "main"}
_STYLE: Final = frozenset(
    {
        "background-color",
        "border",
        "border-bottom",
        "border-collapse",
        "border-color",
        "border-left",
        "border-radius",
        "border-right",
        "border-spacing",
        "border-style",
        "border-top",
        "border-width",
        "color",
        "font",
        "font-family",
        "font-size",
        "font-style",
        "font-weight",
        "height",
        "line-height",
        "letter-spacing",
        "list-style-type",
        "margin",
        "margin-bottom",
        "margin-left",
        "margin-right",
        "margin-top",
        "max-width",
        "min-width",
        "padding",
        "padding-bottom",
        "padding-left",
        "padding-right",
        "padding-top",
        "text-align",
        "text-decoration",
        "text-indent",
        "text-transform",
        "vertical-align",
        "white-space",
        "width",
        "word-break",
    }
)
_ATTRIBUTES: Final = {
    **{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
    "*": {"style", "align", "valign", "width", "height", "bgcolor", "dir", "lang", "title"},
    "img": {"src", "alt", "width", "height", "border", "style"},
    "table": {"border", "cellpadding", "cellspacing", "width", "style"},
    "td": {"colspan", "rowspan", "width", "nowrap", "style"},
    "th": {"colspan", "rowspan", "width", "nowrap", "style"},
    "font": {"color", "face", "size"},
}
_FETCHES: Final = re.compile(r"url\s*\(|image|\\", re.IGNORECASE)
_DROPPED: Final = {"script", "style", "head", "title", "noscript", "template", "svg", "math"}
_REMOTE: Final = "cid:remote,"


def too_wild(html: str) -> bool:
    """True: parsing it would take longer than a mail deserves."""
    if html.count("&") > _ENTITIES:
        return True
    depth = cost = 0
    for tag in _TAG.finditer(html):
        if tag[1]:
            depth = max(depth - 1, 0)
            continue
        cost += depth
        if tag[2].lower() not in _FLAT:
            depth += 1
        if depth > _DEEP or cost > _COSTLY:
            return True
    return False


def sanitise(html: str) -> str:
    """Safe to show. Remote images are held back: their address is in `data-remote-src`, for "show images"."""
    clean = nh3.clean(
        html[:LIMIT],
        tags=_TAGS,
        clean_content_tags=_DROPPED,
        attributes=_ATTRIBUTES,
        attribute_filter=_filtered,
        url_schemes=_SCHEMES,
        filter_style_properties=_STYLE,
        link_rel="noopener noreferrer nofollow",
    )
    # nh3 writes attributes in double quotes and escapes quotes inside them: this text is an attribute of ours.
    return clean.replace(f' src="{_REMOTE}', ' data-remote-src="').strip()


def _filtered(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "src":
        address = value.strip()
        if address[:4].lower() == "cid:" and not address.startswith(_REMOTE):
            return "cid:" + address[4:]
        return _REMOTE + address if address[:4].lower() == "http" or address[:2] == "//" else None
    if attribute == "style":
        # A declaration with an address would fetch it; a backslash could spell one.
        declarations = (each for each in value.split(";") if not _FETCHES.search(each))
        return ";".join(declarations)
    return value


_BLOCKS: Final = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    }
)
_APART: Final = frozenset(
    {"blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"}
)
_TEXT_TAGS: Final = _BLOCKS | {"a", "br", "td", "th", "img"}
# nh3 writes `&lt;` and `&gt;` in texts and double quotes around attributes, so its output splits without backtracking.
_TOKEN = re.compile(r'<(/?)([a-z0-9]+)((?:\s+[a-z-]+="[^"]*")*)\s*>|([^<]+)')
_HREF = re.compile(r' href="([^"]*)"')
_SPACES = re.compile(r"[ \t\r\n\xa0]+")


def to_text(html: str) -> str:
    """The words as a mail client would show them: paragraphs, `> ` before quotes, `- ` before items, links in brackets."""
    clean = nh3.clean(
        html[:LIMIT],
        tags=set(_TEXT_TAGS),
        clean_content_tags=_DROPPED,
        attributes={"a": {"href"}, "img": {"alt"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
    )
    writer = _Writer()
    for closing, tag, attributes, words in _TOKEN.findall(clean):
        if words:
            writer.say(entities.unescape(words))
        elif closing:
            writer.leave(tag)
        else:
            writer.enter(tag, attributes)
    return writer.text()


class _Writer:
    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quotes = 0
        self._preformatted = 0
        self._links: list[tuple[str, int]] = []
        self._said = 0

    def say(self, words: str) -> None:
        if self._preformatted:
            first, *others = words.split("\n")
            self._line.append(first)
            for other in others:
                self._break()
                self._line.append(other)
        else:
            folded = _SPACES.sub(" ", words)
            if folded == " " and (not self._line or self._line[-1].endswith(" ")):
                return
            self._line.append(folded)
        self._said += 1

    def enter(self, tag: str, attributes: str) -> None:
        if tag == "br":
            self._break()
        elif tag == "a":
            found = _HREF.search(attributes)
            self._links.append((entities.unescape(found[1]) if found else "", len(self._line)))
        elif tag in {"td", "th"}:
            if self._line:
                self._line.append("  ")
        elif tag in _BLOCKS:
            self._block(apart=tag in _APART)
            if tag == "blockquote":
                self._quotes = min(self._quotes + 1, 20)
            elif tag == "pre":
                self._preformatted += 1
            elif tag == "li":
                self._line.append("- ")

    def leave(self, tag: str) -> None:
        if tag == "a" and self._links:
            href, since = self._links.pop()
            said = "".join(self._line[since:]).strip()
            bare = href.removeprefix("mailto:").removeprefix("tel:")
            if href.startswith("http") and said and bare.rstrip("/") not in said:
                self._line.append(f" ({bare})")
        elif tag in _BLOCKS:
            self._break(only_if_said=True)
            if tag == "blockquote":
                self._quotes = max(self._quotes - 1, 0)
            elif tag == "pre":
                self._preformatted = max(self._preformatted - 1, 0)
            self._block(apart=tag in _APART)

    def text(self) -> str:
        self._break(only_if_said=True)
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip()

    def _block(self, *, apart: bool) -> None:
        self._break(only_if_said=True)
        if apart and self._lines and self._lines[-1].strip("> "):
            self._lines.append("> " * self._quotes)

    def _break(self, *, only_if_said: bool = False) -> None:
        words = "".join(self._line)
        if not self._preformatted:
            words = words.strip()
        self._line.clear()
        # Links that are still open began on a line that is gone.
        self._links = [(href, 0) for href, _ in self._links]
        if words.strip() or not only_if_said:
            self._lines.append("> " * self._quotes + words)


def to_text_crudely(html: str) -> str:
    """For what is too wild to parse: the tags cut out, in linear time."""
    return re.sub(r"[ \t]+", " ", entities.unescape(re.sub(r"<[^<>]*>", " ", html[:LIMIT]))).strip()


def as_html(text: str) -> str:
    """A text part between parts of HTML."""
    return f"<pre>{entities.escape(text, quote=False)}</pre>" if text.strip() else ""
