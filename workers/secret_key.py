"""The installation's secret key, when nobody gives one: made once, kept in the data directory for its owner's eyes.

What it seals cannot be opened without it, so it is part of every backup.
"""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

FILE: Final = "secret_key"
LENGTH: Final = 32
"""Characters at least: `secrets.token_urlsafe(32)` makes 43."""


class SecretKeyLost(Exception):
    """The file of the secret key cannot be read, made, or holds no whole key; the text says what to do."""


def kept_secret_key(data_dir: Path) -> str:
    """The key in the data directory. Two processes that start together end up with the same one."""
    file = data_dir / FILE
    try:
        if not file.exists():
            data_dir.mkdir(parents=True, exist_ok=True)
            _write_once(file, secrets.token_urlsafe(32) + "\n")
        kept = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretKeyLost(f"The secret key in {file} cannot be read or made: {error}") from error
    if len(kept) < LENGTH:
        raise SecretKeyLost(
            f"{file} holds no whole secret key. Put the right one back (it is in every `allo backup`); "
            "without it the channels' credentials cannot be opened"
        )
    return kept


def put_back(data_dir: Path, key: str) -> None:
    """The key of a backup, in place of whatever is there."""
    data_dir.mkdir(parents=True, exist_ok=True)
    file = data_dir / FILE
    file.unlink(missing_ok=True)
    _write_once(file, key + "\n")


def _write_once(file: Path, content: str) -> None:
    """Complete or not there at all, and never over another's: written aside, then linked into place."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")  # mode 0600
    aside = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(aside, file)
    finally:
        aside.unlink()
