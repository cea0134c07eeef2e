"""A colleague opens the bot by the link of a digest: from now on it goes to that chat.

That is no customer, and the link is no advertisement: nothing is kept of it but the chat. The link works once; pressed
again, or when its digest is gone, it means nothing any more.
"""

import re
from typing import Final

from router.message import Accepted, InboundMessage
from router.world import World

BEGINS: Final = "digest_"
SECRET_BYTES: Final = 24
_CODE: Final = re.compile(rf"{BEGINS}[A-Za-z0-9_-]{{{SECRET_BYTES * 4 // 3}}}")
"""By its shape, so that it is known also when its digest is gone; a link called "digest_may" stays a link."""


def is_code(code: str) -> bool:
    return _CODE.fullmatch(code) is not None


def was_asked_for(world: World, accepted: Accepted, event: InboundMessage) -> bool:
    """Whether that is what the message says; and if so, where the digest goes."""
    if event.direction == "out" or event.source is None or not is_code(event.source.code):
        return False
    recipient = world.tracks.recipients.get(event.source.code)
    if recipient is not None and recipient.account_id == accepted.account and not recipient.address:
        recipient.address = event.chat.id
        world.change(recipient)
    return True
