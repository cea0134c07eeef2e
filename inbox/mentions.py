"""Whom a note names: what its author picked from the list, and what is written out, of those who may read it.

The text decides: who was picked and then deleted from it is not told. A team's name stands for its members.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from inbox.rights import Right, may
from storage.reading.colleagues import TeamRow, UserRow

MOST_NAMED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """`users` are told; `names` are the words of the text that name somebody, without the @."""

    users: Sequence[UUID]
    names: Sequence[str]


def readers(users: Iterable[UserRow], *, seeing: Container[UUID] | None = None) -> list[UserRow]:
    """Who may read what customers write, and so what is noted beside it; of those `seeing` the conversation, when it is known
    which it is.
    """
    return [
        each
        for each in users
        if (seeing is None or each.id in seeing)
        and each.disabled_at is None
        and each.name
        and may(each.role, Right.READ_MESSAGES)
    ]


def named_in(
    text: str,
    *,
    picked: Sequence[UUID],
    users: Sequence[UserRow],
    teams: Sequence[TeamRow],
    author: UUID | None,
    seeing: Container[UUID] | None = None,
) -> Named:
    """Of two of the same name the one picked is meant; both, when neither was."""
    able = {each.id: each for each in readers(users, seeing=seeing)}
    choices: dict[str, list[tuple[UUID, tuple[UUID, ...]]]] = {}
    for user in able.values():
        choices.setdefault(user.name, []).append((user.id, (user.id,)))
    for team in teams:
        members = tuple(each for each in team.member_ids if each in able)
        if members:
            choices.setdefault(team.name, []).append((team.id, members))
    told: list[UUID] = []
    names: list[str] = []
    for name in _written(text, choices):
        names.append(name)
        meant = [each for each in choices[name] if each[0] in picked] or choices[name]
        told += [user for _, members in meant for user in members if user != author]
    return Named(users=tuple(dict.fromkeys(told))[:MOST_NAMED], names=tuple(dict.fromkeys(names)))


def _written(text: str, names: Iterable[str]) -> list[str]:
    """The names behind an @ that begins a word; the longest that fits: "@Anna Berg" is not "@Anna"."""
    longest_first = sorted(names, key=len, reverse=True)
    found = []
    for at, letter in enumerate(text):
        if letter != "@" or (at and (text[at - 1].isalnum() or text[at - 1] in "._-")):
            continue
        rest = text[at + 1 :]
        for name in longest_first:
            after = rest[len(name) : len(name) + 1]
            if rest.startswith(name) and not (after.isalnum() or after == "_"):
                found.append(name)
                break
    return found
