"""What was done about a contact, in the reader's words."""

from collections.abc import Mapping
from typing import Any, Final

from inbox.languages import Language
from inbox.wording import N_, WORDS
from storage.reading.contact_history import ChangeRow

_WHAT: Final = {
    "contact_created": N_("Added by hand"),
    "contacts_merged": N_("Merged with another contact"),
    "contacts_unmerged": N_("Separated from another contact"),
    "suggestion_accepted": N_("Said to be the same person"),
    "suggestion_rejected": N_("Said to be different people"),
    "suggestion_reopened": N_("Asked again whether they are one"),
    "contact_erased": N_("Erased"),
    "contact_exported": N_("Personal data exported"),
    "key_added": N_("{key} added"),
    "key_removed": N_("{key} removed"),
    "key_shared": N_("{key} marked as shared"),
    "key_vouched": N_("{key} vouched for"),
    "key_unvouched": N_("{key} claimed again"),
    "key_own": N_("{key} is the person's own again"),
}


def change_words(row: ChangeRow, *, spoken: Language, fields: Mapping[str, str]) -> list[str]:
    """A line for everything that was changed at once. `fields`: their names by key."""
    if row.what == "contact_changed":
        before = row.before if isinstance(row.before, dict) else {}
        after = row.after if isinstance(row.after, dict) else {}
        return [
            line
            for name, value in after.items()
            for line in _changed(name, before.get(name), value, spoken=spoken, fields=fields)
        ]
    known = _WHAT.get(row.what)
    if known is None:
        return [row.what]
    return [spoken._(known).format(key=_key(row.after, spoken=spoken))]


def _changed(
    name: str, before: Any, after: Any, *, spoken: Language, fields: Mapping[str, str]
) -> list[str]:
    if name == "fields":
        was, now = (each if isinstance(each, dict) else {} for each in (before, after))
        return [
            f"{fields.get(key, key)}: {_short(was.get(key))} → {_short(value)}"
            for key, value in now.items()
        ]
    _ = spoken._
    words = {
        "name": _("Name: {before} → {after}"),
        "manager_id": _("Another manager") if after else _("No manager any more"),
        "blocked": _("Blocked") if after else _("No longer blocked"),
        "note": _("Note about the contact changed"),
        "locale": _("Language: {after}"),
    }.get(name)
    return [words.format(before=_short(before), after=_short(after))] if words else []


def _short(value: Any) -> str:
    words = "" if value is None else str(value)
    return (words if len(words) <= 80 else f"{words[:79]}…") or "—"


def _key(after: Any, *, spoken: Language) -> str:
    if not isinstance(after, dict):
        return ""
    kind = str(after.get("kind", ""))
    known = WORDS["identity"].get(kind)
    return f"{spoken._(known) if known else kind} {after.get('value', '')}"
