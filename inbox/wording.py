"""Words for what the records name by a key. `N_` marks them for `pybabel extract`; templates translate them."""

from types import MappingProxyType
from typing import Final


def N_(message: str) -> str:  # noqa: N802  # gettext's name for "translate later"
    return message


CHANNELS: Final = MappingProxyType(
    {
        "site_chat": "site",
        "lead_form": "site",
        "mango": "phone",
        "zadarma": "phone",
        "uis": "phone",
        "twilio": "phone",
        "asterisk": "phone",
        "call_hook": "phone",
        "visitor": "site",
        "external": "site",
        "email_unverified": "email",
    }
)
"""The icon and colour of kinds (of channels and of identities) that are not named like theirs."""

WORDS: Final = MappingProxyType(
    {
        "sees": {
            "all": N_("All"),
            "team": N_("Their teams' and their own"),
            "own": N_("Only their own"),
        },
        "sees_short": {
            "team": N_("sees their teams'"),
            "own": N_("sees their own"),
        },
        "sees_hint": {
            "all": N_("Every conversation, contact and lead."),
            "team": N_(
                "What is in the hands of a team they are in, also while nobody has taken it."
            ),
            "own": N_("What they answer for themselves; nothing that waits in a queue."),
        },
        "status": {
            "open": N_("Open"),
            "waiting": N_("Waiting for the customer"),
            "snoozed": N_("Snoozed"),
            "resolved": N_("Resolved"),
            "spam": N_("Spam"),
        },
        "kind": {
            "image": N_("Photo"),
            "video": N_("Video"),
            "audio": N_("Audio"),
            "voice": N_("Voice message"),
            "video_note": N_("Video message"),
            "animation": N_("Animation"),
            "document": N_("File"),
            "sticker": N_("Sticker"),
            "location": N_("Location"),
            "contact": N_("Contact card"),
            "poll": N_("Poll"),
            "call": N_("Call"),
            "missed_call": N_("Missed call"),
            "form": N_("Form"),
            "service": N_("Event"),
            "unsupported": N_("Message of a kind we do not show yet"),
            "text": N_("Message"),
        },
        "delivery": {
            "queued": N_("sending"),
            "sending": N_("sending"),
            "sent": N_("sent"),
            "delivered": N_("delivered"),
            "read": N_("read"),
            "failed": N_("not sent"),
            "unknown": N_("perhaps not sent"),
        },
        "role": {
            "admin": N_("Administrator"),
            "lead": N_("Team lead"),
            "manager": N_("Manager"),
            "marketer": N_("Marketer"),
        },
        "presence": {
            "here": N_("On duty"),
            "away": N_("Away"),
            "off": N_("Off"),
        },
        "account_state": {
            "active": N_("Working"),
            "silent": N_("Silent"),
            "paused": N_("Paused"),
            "broken": N_("Not receiving"),
            "removed": N_("Removed"),
        },
        "lead_policy": {
            "no_open_lead": N_("When there is no open lead"),
            "first_contact": N_("Only on first contact"),
            "never": N_("Never"),
        },
        "assigned": {
            "returning_customer": N_("leads this customer"),
            "team_round_robin": N_("next in turn in {team}"),
            "administrator": N_("there is no manager yet"),
            "queue": N_("nobody can take it now; it is handed out as soon as somebody can"),
            "broadcast": N_("whoever answers first takes it"),
            "took_it": N_("answered first"),
            "called": N_("called the customer"),
        },
        "strategy": {
            "round_robin": N_("In turn"),
            "least_loaded": N_("To whoever has the least to do"),
            "broadcast": N_("To whoever answers first"),
        },
        "strategy_hint": {
            "round_robin": N_("One after the other, among those on duty."),
            "least_loaded": N_("By open conversations and each one's limit."),
            "broadcast": N_("Everybody sees it; the first answer takes it."),
        },
        "event": {
            "blocked": N_("The customer blocked the bot"),
            "unblocked": N_("The customer lets the bot write again"),
            "bot_added": N_("The bot was added to the group"),
            "bot_removed": N_("The bot was removed from the group"),
            "members_joined": N_("Joined the group"),
            "member_joined": N_("Joined the group"),
            "member_left": N_("Left the group"),
            "join_requested": N_("Asks to join the group"),
            "chat_renamed": N_("The group has another name"),
            "pinned_message": N_("A message was pinned"),
            "successful_payment": N_("A payment came in"),
            "refunded_payment": N_("A payment was returned"),
            "business_connected": N_("The business account was connected"),
            "business_disconnected": N_("The business account was disconnected"),
            "chat_moved": N_("The chat goes on under another number or name"),
            "customer_identity_changed": N_("The customer has a new telephone"),
            "advertising_stopped": N_("The customer wants no advertising any more"),
            "advertising_resumed": N_("The customer takes advertising again"),
        },
        "lead_status": {
            "open": N_("Open"),
            "won": N_("Won"),
            "lost": N_("Lost"),
            "merged": N_("Merged"),
        },
        "stage_kind": {
            "open": N_("Open stage"),
            "qualified": N_("Qualified: worth working on"),
            "won": N_("Won: the sale"),
            "lost": N_("Lost: no sale"),
        },
        "stage_colour": {
            "": N_("No colour"),
            "gray": N_("Grey"),
            "blue": N_("Blue"),
            "teal": N_("Teal"),
            "green": N_("Green"),
            "amber": N_("Amber"),
            "red": N_("Red"),
            "violet": N_("Violet"),
        },
        "identity": {
            "phone": N_("Phone"),
            "email": N_("Email"),
            "email_unverified": N_("Email"),
            "visitor": N_("Site visitor"),
            "telegram": "Telegram",
            "vk": N_("VK"),
            "whatsapp": "WhatsApp",
            "max": "MAX",
            "external": N_("Customer number on the site"),
            "lead_form": N_("Web form"),
        },
        "field_kind": {
            "text": N_("Text"),
            "number": N_("Number"),
            "date": N_("Date"),
            "choice": N_("One of several"),
            "yes_no": N_("Yes or no"),
            "link": N_("Link"),
        },
        "moved": {
            "identity": N_("Proved numbers and addresses"),
            "identity_claim": N_("Claimed numbers and addresses"),
            "conversation": N_("Conversations"),
            "lead": N_("Leads"),
            "touch": N_("Touches"),
            "task": N_("Tasks"),
            "contact": N_("Contacts merged before"),
        },
        "scope": {
            "read": N_("Read"),
            "write": N_("Read and write"),
            "admin": N_("Everything"),
        },
        "scope_hint": {
            "read": N_("Sees conversations, contacts, leads and events; changes nothing."),
            "write": N_("Also answers, makes leads and tasks, changes contacts."),
            "admin": N_(
                "Also channels, webhooks, dead letters; erases people. For programs you trust like yourself."
            ),
        },
        "ad_platform": {
            "yandex-direct": N_("Yandex Direct"),
            "vk-ads": N_("VK Ads"),
            "google-ads": N_("Google Ads"),
            "meta-ads": N_("Meta Ads"),
            "other": N_("Other"),
        },
        "ad_condition": {
            "files": N_("By files and by hand"),
            "waiting": N_("Is being asked"),
            "working": N_("Working"),
            "failing": N_("Fails, is tried again"),
            "paused": N_("Paused"),
            "broken": N_("Does not let us in"),
        },
        "campaign_by": {
            "name": N_("The campaign's name"),
            "id": N_("The campaign's number"),
        },
        "spend_how": {
            "file": N_("File"),
            "hand": N_("By hand"),
            "pull": N_("From the platform"),
            "api": N_("API"),
        },
        "spend_format": {
            "auto": N_("Found by itself"),
            "csv": N_("Table (CSV)"),
            "yandex-direct": N_("Yandex Direct report"),
            "vk-ads": N_("VK Ads statistics"),
            "google-ads": N_("Google Ads report"),
            "meta-ads": N_("Meta Ads report"),
        },
        "webhook_state": {
            "active": N_("Working"),
            "paused": N_("Paused"),
            "stopped": N_("Stopped"),
        },
        "delivery_state": {
            "waiting": N_("Waits"),
            "delivered": N_("Taken"),
            "failed": N_("Given up"),
        },
        "hook_event": {
            "message_received": N_("A customer wrote"),
            "message_queued": N_("A colleague answered"),
            "note_added": N_("A note was written"),
            "message_changed": N_("A message was edited, deleted or got a reaction"),
            "delivery_changed": N_("An answer was delivered, read or failed"),
            "conversation_changed": N_("A conversation was opened, resolved, snoozed…"),
            "assigned": N_("Somebody else answers now"),
            "contact_created": N_("A contact is new"),
            "contact_changed": N_("A contact was changed"),
            "contacts_merged": N_("Two contacts became one"),
            "lead_opened": N_("A lead was opened"),
            "lead_changed": N_("A lead was moved, won, lost or changed"),
            "task_changed": N_("A task was made, changed or done"),
            "ping": N_("Test"),
        },
        "merge_policy": {
            "strict": N_("Merge what is proved"),
            "ask": N_("Always ask"),
        },
        "merge_policy_hint": {
            "strict": N_(
                "The same proved phone or address is one person, at once. What was only typed is suggested."
            ),
            "ask": N_(
                "Nothing is merged by itself: every match is a suggestion that a colleague decides on."
            ),
        },
        "colour": {
            "": N_("No colour"),
            "red": N_("Red"),
            "amber": N_("Amber"),
            "green": N_("Green"),
            "petrol": N_("Petrol"),
            "sky": N_("Blue"),
            "violet": N_("Violet"),
            "slate": N_("Grey"),
        },
        "dead_stage": {
            "route": N_("Routing"),
            "deliver": N_("Sending"),
            "record": N_("Reports"),
            "media": N_("Files"),
            "broker": N_("Queue"),
        },
    }
)
