"""Who is at the other end of the line, from what a telephone network tells of them.

A number that identifies a person becomes their key, and the conversation is theirs by the number. A company's 8-800, a
short code or a sender's name is a conversation without a key. Who hides their number is nobody we could know again:
each of their calls is a conversation of its own.

The key counts as proved: the network vouches for it as well as anybody does for a telephone number. It can be forged by who
makes an effort; what a conversation shows to its caller is nothing, so that a forger learns nothing.
"""

from dataclasses import dataclass
from typing import Final

from connectors.phone_numbers import e164, phone_key
from router.clean_text import clean_line
from router.message import Chat, Sender

HIDDEN: Final = frozenset(
    {
        "",
        "0",
        "<unknown>",
        "anonymous",
        "asterisk",
        "blocked",
        "hidden",
        "id unavailable",
        "no number",
        "none",
        "null",
        "private",
        "private number",
        "restricted",
        "unavailable",
        "unknown",
        "withheld",
        "аноним",
        "анонимный",
        "скрыт",
        "скрытый номер",
        # The same words typed on a keypad, as some American carriers and Twilio pass them on.
        "+266696687",
        "+7378742833",
        "+2562533",
        "+8656696",
        "+86282452253",
    }
)
"""Lower case. "asterisk" is what Asterisk's own SIP stack says when it was told nothing."""

LONGEST: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSide:
    """`number` in E.164, or as it was told when it is no such number; "" when it is hidden."""

    number: str
    chat: Chat
    sender: Sender | None

    @property
    def hidden(self) -> bool:
        return not self.number


def other_side(
    told: str, *, call: str, region: str, name: str = "", international: bool = False
) -> OtherSide:
    """`told`: the number, also as sip:number@host. `call`: the platform's key of the call, `name` what the network tells.

    `international`: the platform writes numbers with the country code but perhaps without the plus.
    """
    written = clean_line(_user(told), limit=LONGEST)
    name = clean_line(name)
    if name.lower() in HIDDEN:
        name = ""
    if written.lower() in HIDDEN:
        return OtherSide(number="", chat=Chat(id=f"call:{call}"), sender=None)
    number = e164(written, region=region, international=international)
    key = None
    if number is not None:
        key = phone_key(number, region=region, proof="proved", how="the number of a call")
    return OtherSide(
        number=number or written,
        # A line that is nobody's own still has a name to show.
        chat=Chat(id=number or written, title=name if key is None else ""),
        sender=Sender(keys=(key,), name=name) if key is not None else None,
    )


def line(told: str, *, region: str, international: bool = False) -> str:
    """One of our own numbers in E.164 where it is one, or else as it was told: an extension, a trunk's name."""
    written = clean_line(_user(told), limit=LONGEST)
    if written.lower() in HIDDEN:
        return ""
    return e164(written, region=region, international=international) or written


def _user(told: str) -> str:
    """sip:+79161234567@198.51.100.7:5060;user=phone is a number, too."""
    scheme, colon, rest = told.partition(":")
    if colon and scheme.strip().lower() in {"sip", "sips"}:
        return rest.partition("@")[0].partition(";")[0]
    return told
