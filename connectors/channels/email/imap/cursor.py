"""How far a mailbox has been read: `UIDVALIDITY:UID`, and the UIDs shortly before it that were not there to be seen.

UIDs ascend (RFC 3501 §2.3.1.1), but what one session is given another may see late; so holes among the newest `NEAR` UIDs
are kept behind a second colon and looked for again. A mail that was removed leaves such a hole too, and costs nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

NEAR: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    validity: int = 0
    uid: int = 0
    missing: tuple[int, ...] = ()

    @override
    def __str__(self) -> str:
        holes = ",".join(map(str, self.missing))
        return f"{self.validity}:{self.uid}" + (f":{holes}" if holes else "")

    def within(self, validity: int) -> "Cursor":
        """The same while the box is; the beginning of a box whose UIDs mean something else now."""
        return self if validity == self.validity else Cursor(validity=validity)

    @property
    def lowest(self) -> int:
        """Nothing below it is looked for."""
        return min(self.missing, default=self.uid + 1)

    def wants(self, uid: int) -> bool:
        """A search for everything from a UID on finds the last mail even when its UID is lower (RFC 3501 §6.4.8)."""
        return uid > self.uid or uid in self.missing

    def past(self, asked: Collection[int], *, got: Collection[int]) -> "Cursor":
        """After everything up to the highest of `asked` was found to be `asked`, of which the server gave `got`."""
        uid = max(self.uid, *asked)
        near = range(max(self.uid, uid - NEAR) + 1, uid + 1)
        holes = {each for each in self.missing if each > uid - NEAR} | set(near)
        return Cursor(validity=self.validity, uid=uid, missing=tuple(sorted(holes.difference(got))))


def read_cursor(written: str) -> Cursor:
    """The beginning, when nothing was written or it cannot be read: what is read twice is recognised by its key."""
    validity, _, rest = written.partition(":")
    uid, _, holes = rest.partition(":")
    numbers = [validity, uid, *filter(None, holes.split(","))]
    if not all(each.isascii() and each.isdigit() for each in numbers):
        return Cursor()
    return Cursor(
        validity=int(validity),
        uid=int(uid),
        missing=tuple(int(each) for each in numbers[2:]),
    )
