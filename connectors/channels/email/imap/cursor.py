"""How far a mailbox has been read: `box/UIDVALIDITY:UID`, and the UIDs shortly before it that were not there to be seen.

Two servers may number alike (UIDVALIDITY 1 is popular), so the box has a name: an account that is pointed to another server,
user or folder begins there at the beginning.

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
    box: str = ""
    validity: int = 0
    uid: int = 0
    missing: tuple[int, ...] = ()

    @override
    def __str__(self) -> str:
        holes = ",".join(map(str, self.missing))
        return f"{self.box}/{self.validity}:{self.uid}" + (f":{holes}" if holes else "")

    def within(self, box: str, validity: int) -> "Cursor":
        """The same while the box is; the beginning of another box, and of one whose UIDs mean something else now."""
        same = (box, validity) == (self.box, self.validity)
        return self if same else Cursor(box=box, validity=validity)

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
        missing = tuple(sorted(holes.difference(got)))
        return Cursor(box=self.box, validity=self.validity, uid=uid, missing=missing)


def read_cursor(written: str) -> Cursor:
    """The beginning, when nothing was written or it cannot be read: what is read twice is recognised by its key."""
    box, _, numbered = written.rpartition("/")
    validity, _, rest = numbered.partition(":")
    uid, _, holes = rest.partition(":")
    numbers = [validity, uid, *filter(None, holes.split(","))]
    if not all(each.isascii() and each.isdigit() and len(each) < 20 for each in numbers):
        return Cursor()
    return Cursor(
        box=box,
        validity=int(validity),
        uid=int(uid),
        missing=tuple(int(each) for each in numbers[2:]),
    )
