"""The audit in words: what was done, to what, and what it was before.

What has no words here is told by its key, which a newer version may have written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from inbox.formats import Formats
from inbox.rendering import channel_label
from inbox.uuids import uuid_or_none
from inbox.wording import N_, WORDS
from storage.audit import STRUCK_OUT

DONE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "colleague_added": N_("invited a colleague"),
        "user_added": N_("invited a colleague"),
        "colleague_changed": N_("changed a colleague"),
        "colleague_disabled": N_("disabled a colleague"),
        "user_disabled": N_("disabled a colleague"),
        "colleague_enabled": N_("let a colleague in again"),
        "user_enabled": N_("let a colleague in again"),
        "password_reset": N_("gave a new one-time password"),
        "password_changed": N_("chose a new password"),
        "signed_out_everywhere": N_("signed a colleague out everywhere"),
        "session_ended": N_("signed a browser out"),
        "team_made": N_("made a team"),
        "team_changed": N_("changed a team"),
        "team_member_put_in": N_("put somebody into a team"),
        "team_member_taken_out": N_("took somebody out of a team"),
        "team_made_default": N_("made a team the default"),
        "account_added": N_("connected a channel"),
        "account_changed": N_("changed a channel"),
        "account_state_set": N_("paused, resumed or disconnected a channel"),
        "token_made": N_("made an API key"),
        "token_revoked": N_("revoked an API key"),
        "dead_letter_replayed": N_("had a dead letter processed again"),
        "dead_letter_dropped": N_("dropped a dead letter"),
        "conversation_assigned": N_("handed a conversation over"),
        "conversation_status": N_("changed a conversation's status"),
        "message_retried": N_("sent a message again"),
        "contact_created": N_("added a contact"),
        "contact_changed": N_("changed a contact"),
        "contacts_merged": N_("merged two contacts"),
        "contacts_unmerged": N_("took a merge back"),
        "contact_erased": N_("erased a person's data"),
        "suggestion_accepted": N_("accepted that two contacts are one person"),
        "suggestion_rejected": N_("said that two contacts are two people"),
        "lead_created": N_("opened a lead"),
        "lead_changed": N_("changed a lead"),
        "call_asked_for": N_("had somebody called"),
        "bulk_assign": N_("handed several conversations over"),
        "bulk_label": N_("put a label on several conversations"),
        "bulk_read": N_("marked several conversations read"),
        "bulk_reopen": N_("opened several conversations again"),
        "bulk_resolve": N_("resolved several conversations"),
        "bulk_snooze": N_("put several conversations off"),
        "bulk_spam": N_("marked several conversations as spam"),
        "bulk_undone": N_("took a change of several conversations back"),
        "bulk_unlabel": N_("took a label off several conversations"),
        "bulk_unread": N_("marked several conversations unread"),
        "canned_reply_deleted": N_("deleted a canned reply"),
        "canned_reply_written": N_("wrote or changed a canned reply"),
        "company_changed": N_("changed the company's settings"),
        "contact_exported": N_("took a person's data out"),
        "failures_dismissed": N_("dealt with what was not sent"),
        "field_added": N_("added a field"),
        "field_archived": N_("put a field away"),
        "field_changed": N_("changed a field"),
        "field_grouped_by": N_("chose the field that reports group by"),
        "field_not_grouped_by": N_("ended that reports group by a field"),
        "field_restored": N_("brought a field back"),
        "key_added": N_("added a number or an address"),
        "key_own": N_("said that a number or an address is the person's own"),
        "key_removed": N_("removed a number or an address"),
        "key_shared": N_("said that a number or an address is an office's"),
        "key_unvouched": N_("took the proof of a number or an address back"),
        "key_vouched": N_("vouched for a number or an address"),
        "label_added": N_("made a label"),
        "label_changed": N_("changed a label"),
        "label_deleted": N_("deleted a label"),
        "label_restored": N_("brought a label back"),
        "labels_merged": N_("merged two labels"),
        "macro_deleted": N_("deleted a macro"),
        "macro_run": N_("ran a macro"),
        "macro_undone": N_("took a macro back"),
        "macro_written": N_("wrote or changed a macro"),
        "offer_stages_chosen": N_("chose which stages are an offer"),
        "plan_changed": N_("changed the activity plan"),
        "pipeline_changed": N_("changed a pipeline"),
        "pipeline_made": N_("made a pipeline"),
        "pipeline_made_default": N_("made a pipeline the default"),
        "pipeline_removed": N_("removed a pipeline"),
        "stage_changed": N_("changed a stage"),
        "stage_removed": N_("removed a stage"),
        "stages_ordered": N_("put the stages in another order"),
        "suggestion_reopened": N_("asked again whether two contacts are one person"),
        "ad_account_added": N_("added an advertising account"),
        "ad_account_archived": N_("put an advertising account away"),
        "ad_account_changed": N_("changed an advertising account"),
        "ad_account_connected": N_("connected an advertising account to its platform"),
        "ad_account_disconnected": N_("disconnected an advertising account"),
        "ad_account_restored": N_("brought an advertising account back"),
        "overhead_added": N_("added an overhead"),
        "overhead_changed": N_("changed an overhead"),
        "overhead_deleted": N_("deleted an overhead"),
        "rate_deleted": N_("deleted a currency's rate"),
        "rate_entered": N_("entered a currency's rate"),
        "rates_imported": N_("imported currencies' rates"),
        "spend_entered": N_("entered advertising spend"),
        "spend_imported": N_("imported advertising spend"),
        "spend_vat_chosen": N_("chose whether reports count VAT"),
        "source_rule_added": N_("added a rule for sources"),
        "source_rule_changed": N_("changed a rule for sources"),
        "source_rule_moved": N_("moved a rule for sources"),
        "source_rule_removed": N_("removed a rule for sources"),
        "tracked_link_made": N_("made a tracked link"),
        "tracked_link_changed": N_("changed a tracked link"),
        "tracked_link_archived": N_("put a tracked link away"),
        "tracked_link_restored": N_("brought a tracked link back"),
        "call_number_added": N_("added a number to call tracking"),
        "call_number_changed": N_("changed a number of call tracking"),
        "call_number_archived": N_("put a number of call tracking away"),
        "call_number_restored": N_("brought a number of call tracking back"),
        "source_sites_changed": N_("changed the sites of the source script"),
        "lead_source_set": N_("said by hand what brought a lead"),
        "webhook_added": N_("added a webhook"),
        "webhook_changed": N_("changed a webhook"),
        "webhook_removed": N_("removed a webhook"),
        "webhook_secret_changed": N_("gave a webhook a new secret"),
        "webhook_stopped": N_("stopped a webhook that fails"),
    }
)

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "user": N_("Colleague"),
        "team": N_("Team"),
        "account": N_("Channel"),
        "api_token": N_("API key"),
        "dead_letter": N_("Dead letter"),
        "conversation": N_("Conversation"),
        "message": N_("Message"),
        "contact": N_("Contact"),
        "lead": N_("Lead"),
        "suggestion": N_("Suggestion"),
        "source_rule": N_("Rule for sources"),
        "tracked_link": N_("Tracked link"),
        "call_number": N_("Number"),
        "source_sites": N_("Sites"),
        "call_request": N_("Call"),
        "pipeline": N_("Pipeline"),
        "stage": N_("Stage"),
        "field": N_("Field"),
        "canned": N_("Canned reply"),
        "label": N_("Label"),
        "webhook": N_("Webhook"),
        "view": N_("View"),
        "bulk_action": N_("Several conversations"),
        "canned_reply": N_("Canned reply"),
        "company": N_("Company"),
        "macro": N_("Macro"),
        "ad_account": N_("Advertising account"),
        "overhead": N_("Overhead"),
    }
)

FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "calls": N_("Calls a day"),
        "offers": N_("Offers a day"),
        "offer_stages": N_("What counts as an offer"),
        "name": N_("Name"),
        "email": N_("Email"),
        "role": N_("Role"),
        "sees": N_("Sees conversations"),
        "teams": N_("Teams"),
        "team": N_("Team"),
        "team_id": N_("Team"),
        "capacity": N_("Open conversations at most"),
        "extension": N_("Extension"),
        "disabled": N_("Disabled"),
        "manager": N_("Manager"),
        "manager_id": N_("Manager"),
        "user": N_("Colleague"),
        "lead": N_("Leads the team"),
        "strategy": N_("How conversations are handed out"),
        "needs_session": N_("Only to those who are signed in"),
        "hours": N_("Working hours"),
        "time_zone": N_("Time zone"),
        "holidays": N_("Days off"),
        "away_text": N_("What is said out of hours"),
        "is_default": N_("Default team"),
        "kind": N_("Kind"),
        "slug": N_("Short name"),
        "number": N_("Number"),
        "source_pattern": N_("Source"),
        "medium_pattern": N_("Medium"),
        "campaign_pattern": N_("Campaign"),
        "source": N_("Source"),
        "code": N_("Code"),
        "address": N_("Address"),
        "utm": N_("UTM"),
        "pool": N_("Pool"),
        "origins": N_("Sites"),
        "fields": N_("Fields"),
        "state": N_("State"),
        "scope": N_("May"),
        "status": N_("Status"),
        "stage_id": N_("Stage"),
        "title": N_("Title"),
        "value": N_("Value"),
        "reason": N_("Because"),
        "lost_reason": N_("Why it was lost"),
        "blocked": N_("Blocked"),
        "browser": N_("Browser"),
        "language": N_("Language"),
        "region": N_("Region"),
        "lead_policy": N_("When a lead is opened"),
        "silent_hours": N_("Silent, in hours"),
        "callback_minutes": N_("To call back within, minutes"),
        "promise_minutes": N_("Answer promised within, minutes"),
        "silence_minutes": N_("Handed on after, minutes"),
        "account": N_("Channel"),
        "archived": N_("Put away"),
        "choices": N_("Choices"),
        "colour": N_("Colour"),
        "conversations": N_("Conversations"),
        "currency": N_("Currency"),
        "events": N_("Events"),
        "into": N_("Merged into"),
        "key": N_("Number or address"),
        "labels": N_("Labels"),
        "leads": N_("Leads moved"),
        "leads_to": N_("To which stage"),
        "lost_details": N_("Why it was lost, in words"),
        "macro": N_("Macro"),
        "merge_policy": N_("When two contacts look like one person"),
        "margin": N_("Margin in percent of revenue"),
        "norm_days": N_("Days in the stage at most"),
        "note": N_("Note"),
        "order": N_("Order"),
        "password": N_("Password"),
        "pipeline": N_("Pipeline"),
        "pipeline_id": N_("Pipeline"),
        "position": N_("Place"),
        "probability": N_("Probability of winning"),
        "stage": N_("Stage"),
        "stages": N_("Stages"),
        "survivor": N_("Merged into"),
        "absorbed": N_("Merged contact"),
        "task_text": N_("Task on entering"),
        "task_hours": N_("Task due in, hours"),
        "text": N_("Text"),
        "url": N_("Address"),
        "look_back": N_("Look-back in days"),
        "platform": N_("Platform"),
        "external_id": N_("Number at the platform"),
        "vat_included": N_("VAT is in"),
        "vat_rate": N_("VAT, per cent"),
        "medium": N_("utm_medium"),
        "campaign_by": N_("utm_campaign holds"),
        "amount": N_("Amount"),
        "first_day": N_("First day"),
        "last_day": N_("Last day"),
        "rate": N_("Rate"),
        "rows": N_("Rows"),
        "totals": N_("Totals"),
        "file": N_("File"),
    }
)

_OWN: Final = "fields."
"""Before the keys of what a contact, a lead or a channel has of its own."""

_ALONE: Final = MappingProxyType({"conversation_status": "status"})
_WORDED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "role": "role",
        "sees": "sees",
        "strategy": "strategy",
        "status": "status",
        "colour": "colour",
        "events": "hook_event",
        "lead_policy": "lead_policy",
        "merge_policy": "merge_policy",
        "scope": "scope",
        "lead.status": "lead_status",
        "account.state": "account_state",
        "webhook.state": "webhook_state",
        "contact.kind": "identity",
        "field.kind": "field_kind",
        "pipeline.kind": "stage_kind",
        "pipeline.colour": "stage_colour",
        "platform": "ad_platform",
        "campaign_by": "campaign_by",
    }
)
"""Fields whose values have words; those of one kind of thing under its name."""
_THINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "manager": "user",
        "manager_id": "user",
        "user": "user",
        "team": "team",
        "team_id": "team",
        "stage_id": "stage",
        "contact": "contact",
        "survivor": "contact",
        "absorbed": "contact",
        "conversation": "conversation",
        "lead_manager": "user",
        "stage": "stage",
        "leads_to": "stage",
        "pipeline": "pipeline",
        "pipeline_id": "pipeline",
        "into": "label",
    }
)
"""Fields whose values are ids, and of what."""
_PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "user": "/settings/people/{id}",
        "team": "/settings/teams/{id}",
        "account": "/settings/channels/{name}",
        "api_token": "/settings/tokens",
        "dead_letter": "/settings/dead-letters/{id}",
        "conversation": "/conversations/{id}",
        "contact": "/contacts/{id}",
        "lead": "/leads/{id}",
        "ad_account": "/settings/spend/accounts/{id}",
    }
)
LONGEST: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A field, as it was and as it is; "" is nothing."""

    field: str
    before: str
    after: str


def done_words(what: str, *, formats: Formats) -> str:
    return formats.language._(DONE[what]) if what in DONE else what.replace("_", " ")


def kind_words(kind: str, *, formats: Formats) -> str:
    return formats.language._(KINDS[kind]) if kind in KINDS else kind.replace("_", " ")


def where_it_is(kind: str, id_: UUID | None, name: str) -> str:
    """The page of a thing; "" for one that has none."""
    page = _PAGES.get(kind, "")
    return "" if id_ is None or ("{name}" in page and not name) else page.format(id=id_, name=name)


def things_in(before: Any, after: Any) -> Iterator[tuple[str, UUID]]:
    """(kind, id) of what the values name."""
    for values in (before, after):
        for name, value in values.items() if isinstance(values, Mapping) else ():
            if name in _THINGS and (id_ := uuid_or_none(str(value))) is not None:
                yield _THINGS[name], id_


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What the values are called: `names` of things by their ids; `fields` of a contact, a lead or a channel as people call
    them, by their keys; `currency` of the lead that is told of.
    """

    formats: Formats
    names: Mapping[UUID, str]
    fields: Mapping[str, str]
    currency: str = ""


def changes(what: str, kind: str, before: Any, after: Any, *, known: Lookup) -> list[Change]:
    """What differs; of something new everything it has. A contact's own fields are told one by one."""
    was, now = _flat(_named(what, before)), _flat(_named(what, after))
    return [
        Change(
            field=_field(name, known),
            before=_shown(kind, name, was.get(name), known=known),
            after=_shown(kind, name, now.get(name), known=known),
        )
        for name in dict.fromkeys((*was, *now))
        if was.get(name) != now.get(name) or now.get(name) == STRUCK_OUT
    ]


def _field(name: str, known: Lookup) -> str:
    own = name.removeprefix(_OWN)
    if own == name and name in FIELDS:
        return known.formats.language._(FIELDS[name])
    return known.fields.get(own, own.replace("_", " "))


def _named(what: str, values: Any) -> Mapping[str, Any]:
    """A value that stands alone has the name of what was done with it."""
    if isinstance(values, Mapping):
        return values
    return {} if values is None else {_ALONE.get(what, "reason"): values}


def _flat(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """With a contact's or a lead's own fields beside the others."""
    inside = values.get("fields")
    if not isinstance(inside, Mapping):
        return values
    others = {name: value for name, value in values.items() if name != "fields"}
    return others | {f"{_OWN}{name}": value for name, value in inside.items()}


def _shown(kind: str, name: str, value: Any, *, known: Lookup) -> str:
    _ = known.formats.language._
    if value is None or value in ("", [], {}):
        return ""
    if value == STRUCK_OUT:
        return _("a credential")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name in _THINGS and (id_ := uuid_or_none(str(value))) is not None:
        return known.names.get(id_) or _("something that is gone")
    return _in_words(kind, name, value, known=known)[:LONGEST]


def _in_words(  # noqa: PLR0911  # one per kind of value
    kind: str, name: str, value: Any, *, known: Lookup
) -> str:
    formats = known.formats
    words = WORDS.get(_WORDED.get(f"{kind}.{name}", _WORDED.get(name, "")), {})
    match name, value:
        case "value", int() if kind == "lead" and known.currency:
            return formats.money(value, known.currency)
        case "kind", str() if kind == "account":
            return channel_label(formats.language, value)
        case "conversations", list():
            return formats.number(len(value))
        case "fields", list():
            return ", ".join(_field(f"{_OWN}{each}", known) for each in value)
        case _, list():
            return ", ".join(_item(each, words, known) for each in value)
        case _, Mapping():
            inside = value.items()
            return "; ".join(
                f"{_field(key, known)}: {_shown(kind, key, each, known=known)}"
                for key, each in inside
            )
        case _:
            return _item(value, words, known)


def _item(value: Any, words: Mapping[str, str], known: Lookup) -> str:
    if isinstance(value, list):
        return " – ".join(map(str, value))
    if isinstance(value, str) and value in words:
        return known.formats.language._(words[value])
    if (id_ := uuid_or_none(str(value))) is not None and id_ in known.names:
        return known.names[id_]
    return str(value)


def day_of(written: str, *, formats: Formats) -> datetime | None:
    """Where a day begins that a form names, in the installation's time; None for no day."""
    try:
        return datetime.fromisoformat(written).replace(
            hour=0, minute=0, second=0, microsecond=0, tzinfo=formats.zone
        )
    except ValueError:
        return None
