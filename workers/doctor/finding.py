"""One line of the doctor's report."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`advice` says what to do; "" where there is nothing to do."""

    about: str
    level: Level
    text: str
    advice: str = ""


def fine(about: str, text: str) -> Finding:
    return Finding(about=about, level="ok", text=text)


def doubtful(about: str, text: str, advice: str) -> Finding:
    return Finding(about=about, level="warning", text=text, advice=advice)


def broken(about: str, text: str, advice: str) -> Finding:
    return Finding(about=about, level="error", text=text, advice=advice)
