"""Who is this? Proved keys decide, claimed ones only suggest.

- A proved key that is already somebody's brings the event to that contact.
- Two proved keys of two contacts make the two one: the older survives, whatever the order of events.
- A claimed key never merges; when it is somebody's proved key, a person is asked.
- A key known to be shared (an office phone) identifies nobody.

Merges are transitive and order-independent: the same events in any order give the same partition.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from router.clean_text import clean_line
from router.facts import ContactChanged, ContactCreated, ContactsMerged, SuggestionMade
from router.message import Key
from router.records import (
    Claim,
    Contact,
    Conversation,
    Identity,
    Lead,
    LeadEvent,
    Merge,
    Suggestion,
    Touch,
)
from router.world import World

SHARED_BY: Final = 5
"""A key that so many contacts have claimed is an office's, and nobody's."""

_SEEN_AGAIN_S: Final = 86_400
"""`last_seen` is kept to the day: a write per message would buy nothing."""

_SCORES: Final = {"phone": 80, "email": 70, "external": 90}


def who_is_this(
    world: World,
    *,
    keys: Iterable[Key],
    event: UUID,
    at: datetime,
    name: str = "",
    locale: str = "",
    kind: Literal["person", "group"] = "person",
    fallback: UUID | None = None,
) -> Contact:
    """The contact these keys belong to, made or merged as the rules say.

    `fallback` is the contact to take when no key identifies anybody (the conversation's own).
    """
    keys = tuple(keys)
    proved = [
        key
        for key in keys
        if key.proof == "proved" and (key.kind, key.value) not in world.shared_keys
    ]
    contact = _owner(world, proved, at)
    if contact is None and fallback is not None:
        contact = world.contact(fallback)
    if contact is None:
        contact = world.add(
            Contact(
                id=world.new_id(),
                name=clean_line(name),
                kind=kind,
                locale=locale[:16],
                created_at=at,
            )
        )
        world.tell(ContactCreated(id=world.new_id(), at=world.now, contact=contact.id))
    elif name and not contact.name:
        contact.name = clean_line(name)
        world.change(contact)
        world.tell(ContactChanged(id=world.new_id(), at=world.now, contact=contact.id))
    if at < contact.created_at:
        # The older survives a merge, and which one that is must not hang on what arrived first.
        contact.created_at = at
        world.change(contact)
    for key in proved:
        _keep_identity(world, contact, key, at)
    for key in keys:
        if key.proof == "claimed" and key.value:
            _keep_claim(world, contact, key, event, at)
    return contact


def _owner(world: World, proved: list[Key], at: datetime) -> Contact | None:
    """Whose these keys are; several owners become one, unless a person has said that they are not."""
    found: list[Contact] = []
    for key in proved:
        identity = world.identities.get((key.kind, key.value))
        if identity is not None:
            contact = world.contact(identity.contact_id)
            if contact not in found:
                found.append(contact)
    if not found:
        return None
    # The first key is the channel's own: if the two may not be merged, the event is that contact's.
    one, *others = found
    words = ", ".join(f"{key.kind} {key.display or key.value}" for key in proved)
    for other in others:
        if frozenset((one.id, other.id)) in world.never_merge:
            continue
        if world.ask_before_merge:
            suggest(
                world, one, other, score=100, reasons=[f"Both are proved by one event: {words}"]
            )
            continue
        one = merge(
            world,
            one,
            other,
            rule="proved_keys",
            reason=f"One event proved keys of both: {words}",
            at=at,
        )
    return one


def _keep_identity(world: World, contact: Contact, key: Key, at: datetime) -> None:
    known = world.identities.get((key.kind, key.value))
    if known is None:
        world.add(
            Identity(
                id=world.new_id(),
                contact_id=contact.id,
                kind=key.kind,
                value=key.value,
                display=clean_line(key.display, limit=255),
                how=clean_line(key.how, limit=255),
                first_seen=at,
                last_seen=at,
            )
        )
        if key.kind == "visitor":
            _adopt_visit(world, contact, key)
        for claimant in world.claimants.get((key.kind, key.value), ()):
            if claimant in world.contacts:
                _ask(world, contact, world.contact(claimant), key)
        return
    if key.display and key.display != known.display:
        known.display = clean_line(key.display, limit=255)
        known.last_seen = max(known.last_seen, at)
        world.change(known)
    elif (at - known.last_seen).total_seconds() > _SEEN_AGAIN_S:
        known.last_seen = at
        world.change(known)


def _adopt_visit(world: World, contact: Contact, key: Key) -> None:
    """The browser's visits were somebody's, we now know whose."""
    visitor = UUID(key.value)
    world.linked_visitors[visitor] = contact.id
    for touch in world.visitor_touches.pop(visitor, ()):
        touch.contact_id = contact.id
        world.touches[contact.id].append(touch)


def take_claim(world: World, contact: Contact, key: Key) -> None:
    """A colleague writes down what the person has told them: it is shown and suggests, and merges nobody."""
    _keep_claim(world, contact, key, contact.id, world.now)


def _keep_claim(world: World, contact: Contact, key: Key, event: UUID, at: datetime) -> None:
    where = key.kind, key.value
    claimants = world.claimants.setdefault(where, set())
    if contact.id not in claimants:
        claimants.add(contact.id)
        world.add(
            Claim(
                id=world.new_id(),
                contact_id=contact.id,
                kind=key.kind,
                value=key.value,
                display=clean_line(key.display, limit=255),
                event_id=event,
                at=at,
            )
        )
    if where in world.shared_keys:
        return
    owner = world.identities.get(where)
    if len(claimants) > SHARED_BY:
        world.shared_keys.add(where)
        if owner is not None:
            owner.shared = True
            del world.identities[where]
            world.change(owner)
    elif owner is not None:
        _ask(world, world.contact(owner.contact_id), contact, key)


def _ask(world: World, owner: Contact, claimant: Contact, key: Key) -> None:
    if owner.id == claimant.id:
        return
    suggest(
        world,
        owner,
        claimant,
        score=_SCORES.get(key.kind, 50),
        reasons=[
            f"{key.kind} {key.display or key.value} is proved for one and was given by the other"
        ],
    )


def suggest(world: World, one: Contact, other: Contact, *, score: int, reasons: list[str]) -> None:
    """Asks a person whether the two are one; a pair that was decided is not asked again (a unique pair)."""
    first, second = sorted((one.id, other.id))
    made = world.all_of(Suggestion)
    if frozenset((first, second)) in world.never_merge or any(
        (each.first_id, each.second_id) == (first, second) for each in made
    ):
        return
    suggestion = world.add(
        Suggestion(
            id=world.new_id(),
            first_id=first,
            second_id=second,
            score=score,
            reasons=reasons,
            at=world.now,
        )
    )
    world.tell(
        SuggestionMade(id=world.new_id(), at=world.now, contact=first, suggestion=suggestion.id)
    )


def merge(
    world: World,
    one: Contact,
    other: Contact,
    *,
    rule: Literal["proved_keys", "suggestion", "by_hand"],
    reason: str,
    at: datetime,
    by: UUID | None = None,
) -> Contact:
    """Makes one contact of two; returns the survivor, the older of them.

    Here moves what the world holds; `storage.world` moves the rest of the absorbed one's rows, and writes down both.
    """
    survivor, absorbed = sorted((one, other), key=lambda each: (each.created_at, each.id))
    record = world.add(
        Merge(
            id=world.new_id(),
            survivor_id=survivor.id,
            absorbed_id=absorbed.id,
            rule=rule,
            reason=reason,
            by_user=by,
            at=world.now,
            before={
                "survivor": {"name": survivor.name, "manager_id": survivor.manager_id},
                "absorbed": {"name": absorbed.name, "manager_id": absorbed.manager_id},
            },
        )
    )
    moved = record.moved
    _move(world, survivor, absorbed, moved)
    _merge_leads(world, survivor, absorbed, moved)
    for tombstone in world.contacts.values():
        if tombstone.merged_into == absorbed.id:
            tombstone.merged_into = survivor.id
            world.change(tombstone)
            moved.setdefault("contact", []).append(tombstone.id)
    absorbed.merged_into = survivor.id
    survivor.name = survivor.name or absorbed.name
    survivor.manager_id = survivor.manager_id or absorbed.manager_id
    world.change(absorbed)
    world.change(survivor)
    world.tell(
        ContactsMerged(
            id=world.new_id(),
            at=world.now,
            contact=survivor.id,
            absorbed=absorbed.id,
            merge=record.id,
            by=by,
        )
    )
    return survivor


def _move(world: World, survivor: Contact, absorbed: Contact, moved: dict[str, list[UUID]]) -> None:
    """What the world holds of the absorbed one's becomes the survivor's."""
    owned: tuple[tuple[str, Sequence[Identity | Conversation | Claim | Touch]], ...] = (
        ("identity", list(world.identities.values())),
        ("conversation", list(world.conversations.values())),
        ("identity_claim", world.all_of(Claim)),
        ("touch", world.all_of(Touch)),
    )
    for table, records in owned:
        for record in records:
            if record.contact_id == absorbed.id:
                record.contact_id = survivor.id
                world.change(record)
                moved.setdefault(table, []).append(record.id)
    world.touches[survivor.id].extend(world.touches.pop(absorbed.id, ()))
    for visitor, contact in world.linked_visitors.items():
        if contact == absorbed.id:
            world.linked_visitors[visitor] = survivor.id
    for claimants in world.claimants.values():
        if absorbed.id in claimants:
            claimants.discard(absorbed.id)
            claimants.add(survivor.id)
    # Whom a person has told apart from the one is told apart from both.
    for pair in [each for each in world.never_merge if absorbed.id in each]:
        world.never_merge.add(pair - {absorbed.id} | {survivor.id})


def _merge_leads(
    world: World, survivor: Contact, absorbed: Contact, moved: dict[str, list[UUID]]
) -> None:
    """The older open lead stays open, the newer is closed as merged into it."""
    closings = [world.last_closed.get(who.id) for who in (survivor, absorbed)]
    if known := [each for each in closings if each is not None]:
        world.last_closed[survivor.id] = max(known)
    theirs = world.open_leads.pop(absorbed.id, None)
    if theirs is None:
        return
    theirs.contact_id = survivor.id
    world.change(theirs)
    moved.setdefault("lead", []).append(theirs.id)
    ours = world.open_leads.get(survivor.id)
    if ours is None:
        world.open_leads[survivor.id] = theirs
        return
    kept, closed = sorted((ours, theirs), key=lambda lead: (lead.created_at, lead.id))
    world.open_leads[survivor.id] = kept
    _close_as_merged(world, closed, kept)
    moved.setdefault("lead_closed", []).append(closed.id)


def _close_as_merged(world: World, closed: Lead, kept: Lead) -> None:
    closed.status, closed.merged_into, closed.closed_at = "merged", kept.id, world.now
    world.change(closed)
    world.add(
        LeadEvent(
            id=world.new_id(), lead_id=closed.id, what="merged", after=str(kept.id), at=world.now
        )
    )


def conversation_owner(conversation: Conversation | None) -> UUID | None:
    """Whom an event of this conversation is from, when its keys say nothing: in a private chat, its contact."""
    if conversation is None or conversation.chat_kind != "private":
        return None
    return conversation.contact_id
