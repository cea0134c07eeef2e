"""The table of WhatsApp's errors: what each means for a reply, and what to do about it, in words.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
The same codes come as the answer to a request and in the webhook, as the reason of a failed status.
"""

from typing import Final, Literal, NamedTuple

from connectors.channels.whatsapp.dialect import Error
from connectors.errors import (
    AccountBroken,
    Rejected,
    SendError,
    Throttled,
    Unreachable,
    WindowClosed,
)
from router.clean_text import clean_line


class NotByUserId(Rejected):
    """It can be sent to a number only, and the recipient was named by the user id."""


class MediaNotTaken(Rejected):
    """The uploaded file is of no use to WhatsApp, or was damaged on the way."""


Family = Literal["later", "slow", "slow_chat", "slow_number", "window", "broken", "never"]

USER_ID_NOT_TAKEN: Final = 131062
MEDIA_NOT_TAKEN: Final = frozenset({131052, 131053})

SLOW_S: Final = 30.0
"""When WhatsApp names no time: throughput is counted by the second, calls by the hour."""

PAIR_S: Final = 16.0
"""Between two messages to one person. Meta: wait 4^X s and try again; the burst that was borrowed is paid back by then."""

SPAM_S: Final = 900.0
"""The number's quality is low: to go on at once makes it worse."""


class Meaning(NamedTuple):
    family: Family
    words: str


_TEMPLATE: Final = "The template cannot be sent so: "
_MEANINGS: Final[dict[int, Meaning]] = {
    1: Meaning("later", "WhatsApp is out of order"),
    2: Meaning("later", "WhatsApp is out of order"),
    131000: Meaning("later", "Something went wrong at WhatsApp"),
    131016: Meaning("later", "WhatsApp is overloaded"),
    131057: Meaning("later", "WhatsApp is moving or maintaining the business account"),
    133004: Meaning("later", "WhatsApp is out of order"),
    135000: Meaning("later", "Something went wrong at WhatsApp"),
    4: Meaning("slow", "The app has made too many calls"),
    80007: Meaning("slow", "The business account has made too many calls"),
    130429: Meaning("slow", "Too many messages a second from this number"),
    133016: Meaning("slow", "The number was registered too often"),
    131056: Meaning("slow_chat", "Too many messages to this person in a short time"),
    131048: Meaning(
        "slow_number",
        "Many people have blocked or reported this number, so WhatsApp slows it down; see its quality in WhatsApp Manager",
    ),
    131064: Meaning(
        "slow_number", "The messaging limit of the number is reached; see it in WhatsApp Manager"
    ),
    131047: Meaning(
        "window",
        "More than 24 hours have passed since the customer's last message: only a template can be sent",
    ),
    470: Meaning(
        "window",
        "More than 24 hours have passed since the customer's last message: only a template can be sent",
    ),
    0: Meaning("broken", "WhatsApp does not accept the access token"),
    3: Meaning("broken", "The app lacks the permission whatsapp_business_messaging"),
    10: Meaning("broken", "The access token has no permission for this number"),
    190: Meaning(
        "broken", "The access token has expired or was taken back: make a new one for a system user"
    ),
    368: Meaning("broken", "WhatsApp has restricted the business account for breaking its rules"),
    131005: Meaning("broken", "The access token has no permission for this number"),
    131031: Meaning("broken", "WhatsApp has locked the business account"),
    131037: Meaning("broken", "The number's display name is not approved yet"),
    131042: Meaning("broken", "There is a problem with the payment method of the business account"),
    131044: Meaning("broken", "There is a problem with the payment method of the business account"),
    131045: Meaning("broken", "The number is not registered: register it in WhatsApp Manager"),
    133010: Meaning("broken", "The number is not registered: register it in WhatsApp Manager"),
    131026: Meaning(
        "never",
        "It cannot be delivered: the person has no WhatsApp, an old version of it, or has not accepted its terms",
    ),
    131021: Meaning("never", "The number cannot write to itself"),
    131030: Meaning(
        "never",
        "A test number writes only to the numbers on its list: add this one in the app's dashboard",
    ),
    131049: Meaning(
        "never",
        "WhatsApp does not deliver it now, so as not to bother the person with advertising; not before tomorrow",
    ),
    131050: Meaning("never", "The person does not want advertising from you"),
    130472: Meaning(
        "never", "The person takes part in an experiment of WhatsApp's and gets no advertising"
    ),
    130497: Meaning("never", "The business account may not write to people in this country"),
    USER_ID_NOT_TAKEN: Meaning("never", "This cannot be sent to a person whose number is hidden"),
    131063: Meaning("never", "Advertising is not sent by this way (Cloud API)"),
    132000: Meaning("never", _TEMPLATE + "the number of its values is another"),
    132001: Meaning("never", _TEMPLATE + "it does not exist in this language, or is not approved"),
    132005: Meaning("never", _TEMPLATE + "with its values it is too long"),
    132007: Meaning("never", _TEMPLATE + "it breaks WhatsApp's rules"),
    132008: Meaning("never", _TEMPLATE + "a value has the wrong form"),
    132012: Meaning("never", _TEMPLATE + "a value has the wrong form"),
    132015: Meaning("never", _TEMPLATE + "WhatsApp has paused it for its low quality"),
    132016: Meaning("never", _TEMPLATE + "WhatsApp has switched it off for its low quality"),
    132068: Meaning("never", _TEMPLATE + "its form is blocked"),
    132069: Meaning("never", _TEMPLATE + "its form may be sent ten times an hour now"),
    137000: Meaning(
        "never",
        "The customer's identity has changed (a new telephone or a new owner of the number): make sure who it is",
    ),
    100: Meaning("never", "WhatsApp does not understand the request"),
    131008: Meaning("never", "WhatsApp misses a value in the request"),
    131009: Meaning("never", "WhatsApp does not take a value in the request"),
    131051: Meaning("never", "WhatsApp does not take messages of this kind"),
    131052: Meaning("never", "WhatsApp could not fetch the file"),
    131053: Meaning(
        "never", "WhatsApp does not take the file: its type or its content is not one it knows"
    ),
    131060: Meaning("never", "The message is not available"),
}


def meaning_of(code: int) -> Meaning | None:
    if 200 <= code < 300:
        return _MEANINGS[131005]
    return _MEANINGS.get(code)


def words_of(error: Error) -> str:
    """What happened and what to do; Meta's own words where the table has none, and its details behind ours."""
    known = meaning_of(error.code)
    told = (error.error_data.details if error.error_data else None) or error.details
    theirs = clean_line(told or error.message or error.title or "", limit=250)
    if known is None:
        return f"WhatsApp: {theirs or f'error {error.code}'}"
    # The commonest codes explain themselves; of the vague ones the details say which value is meant.
    vague = error.code in {0, 100, 131000, 131008, 131009, 131052, 131053, 132000, 132012}
    return f"{known.words} ({theirs})" if vague and theirs else known.words


def refusal(  # noqa: PLR0911  # a table, a line each
    error: Error, *, status: int, retry_after: float | None = None
) -> SendError:
    """What the answer to a request means for the reply. `retry_after` in seconds, where the answer had it."""
    known = meaning_of(error.code)
    words = words_of(error)
    family = known.family if known is not None else _by_status(status)
    match family:
        case "later":
            return Unreachable(words)
        case "slow":
            return Throttled(words, retry_after=retry_after or SLOW_S, scope="account")
        case "slow_number":
            return Throttled(words, retry_after=retry_after or SPAM_S, scope="account")
        case "slow_chat":
            return Throttled(words, retry_after=retry_after or PAIR_S, scope="chat")
        case "window":
            return WindowClosed(words)
        case "broken":
            return AccountBroken(words)
        case "never" if error.code == USER_ID_NOT_TAKEN:
            return NotByUserId(words)
        case "never" if error.code in MEDIA_NOT_TAKEN:
            return MediaNotTaken(words)
        case "never":
            return Rejected(words)


def _by_status(status: int) -> Family:
    """For a code that is not in the table."""
    if status == 429:
        return "slow"
    if status >= 500:
        return "later"
    return "broken" if status == 401 else "never"
