"""The fields that a provider took a mail apart into → a mail again, read like any other and kept like any other."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAME = re.compile(r"[!-9;-~]{1,100}")
_OURS = ("content-", "mime-version", "x-allo-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    name: str
    mime: str
    content: bytes
    cid: str = ""


def rebuilt(
    headers: Sequence[tuple[str, str]], *, text: str, html: str, files: Sequence[Attached]
) -> bytes:
    """The same bytes for the same fields."""
    digest = hashlib.sha256()
    for piece in (text.encode("utf-8", "replace"), html.encode("utf-8", "replace")):
        digest.update(piece)
    for file in files:
        digest.update(file.content)
    mark = digest.hexdigest()[:32]
    lines = [
        f"{name}: {_line(value)}".encode("utf-8", "replace")
        for name, value in headers
        if _NAME.fullmatch(name) and not name.lower().startswith(_OURS)
    ]
    lines += [
        b"MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="=_m{mark}"'.encode(),
        b"",
        f"--=_m{mark}".encode(),
        f'Content-Type: multipart/alternative; boundary="=_a{mark}"'.encode(),
        b"",
    ]
    for kind, words in (("plain", text), ("html", html)):
        if words:
            lines += [
                f"--=_a{mark}".encode(),
                f"Content-Type: text/{kind}; charset=utf-8".encode(),
                b"",
                words.encode("utf-8", "replace"),
            ]
    lines.append(f"--=_a{mark}--".encode())
    for file in files:
        lines += [f"--=_m{mark}".encode(), *_file(file)]
    lines += [f"--=_m{mark}--".encode(), b""]
    return b"\r\n".join(lines)


def _file(file: Attached) -> list[bytes]:
    mime = file.mime if re.fullmatch(r"[\w.+-]{1,80}/[\w.+-]{1,80}", file.mime) else ""
    name = _line(file.name).replace("\\", "_").replace('"', "'")
    lines = [
        f"Content-Type: {mime or 'application/octet-stream'}",
        f'Content-Disposition: {"inline" if file.cid else "attachment"}; filename="{name}"',
        "Content-Transfer-Encoding: base64",
    ]
    if file.cid:
        lines.append(f"Content-ID: <{_line(file.cid)}>")
    return [
        *(each.encode("utf-8", "replace") for each in lines),
        b"",
        base64.b64encode(file.content),
    ]


def _line(value: str) -> str:
    return " ".join(value.split())
