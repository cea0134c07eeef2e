"""Names of attached files, made safe to store, to show and to download."""

import mimetypes
import re
from typing import Final

from router.clean_text import clean_text

LENGTH: Final = 200
"""Bytes; file systems stop at 255, and downloads put things in front."""

# Without the system's own tables: the same name everywhere, and no file read on import.
_TYPES: Final = mimetypes.MimeTypes(filenames=())
_BIDI: Final = re.compile("[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Right-to-left override and its kin, under which `annexe[U+202E]fdp.exe` reads as a PDF."""
_FORBIDDEN: Final = re.compile(r'[<>:"|?*]')


def file_name(written: str, mime: str) -> str:
    """The last step of the path, without what misleads; named after its type when nothing is left."""
    name = _BIDI.sub("", clean_text(written)).replace("\\", "/").rsplit("/", 1)[-1]
    name = _FORBIDDEN.sub("_", " ".join(name.split())).strip(". ")
    if not name:
        return "file" + (_TYPES.guess_extension(mime) or "")
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > 20:
        return _cut(name, LENGTH)
    return _cut(stem, LENGTH - len(extension.encode()) - 1) + "." + extension


def type_of(name: str) -> str:
    return _TYPES.guess_type(name)[0] or "application/octet-stream"


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode("utf-8", "ignore")
