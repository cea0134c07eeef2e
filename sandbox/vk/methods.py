"""What communities call: https://dev.vk.com/ru/method. A method that is not here is refused like an unknown one."""

import json
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from sandbox.vk.messages import Refusal, send, whole
from sandbox.vk.world import Community, Json, Server

KINDS: Final = (
    *("message_new", "message_reply", "message_edit", "message_allow", "message_deny", "message_event"),
    *("message_read", "message_reaction_event", "message_typing_state", "group_join", "group_leave"),
    *("user_block", "user_unblock", "lead_forms_new", "market_order_new", "wall_post_new", "wall_reply_new"),
)  # fmt: skip
"""Types of events that can be switched on."""

SERVERS: Final = 10
TITLE: Final = 14
SECRET: Final = 50


def _group(community: Community, fields: Json) -> None:
    if whole(fields, "group_id") != community.number:
        raise Refusal(15, "Access denied: no access to this group")


def _long_poll_server(community: Community, fields: Json) -> Json:
    _group(community, fields)
    if not community.polling:
        raise Refusal(100, "One of the parameters specified was missing or invalid: longpoll for this group is not enabled")  # fmt: skip
    newest = community.forgotten + len(community.log)
    server = f"{community.base()}/whp/{community.number}"
    return {"key": community.key, "server": server, "ts": str(newest)}


def _set_long_poll(community: Community, fields: Json) -> int:
    _group(community, fields)
    if "enabled" in fields:
        community.polling = bool(int(fields["enabled"]))
    _switch(community.polled, fields)
    return 1


def _switch(events: set[str], fields: Json) -> None:
    for kind in KINDS:
        if kind in fields:
            (events.add if int(fields[kind]) else events.discard)(kind)


def _long_poll_settings(community: Community, fields: Json) -> Json:
    _group(community, fields)
    events = {kind: int(kind in community.polled) for kind in KINDS}
    return {"is_enabled": community.polling, "api_version": "5.199", "events": events}


def _groups_by_id(community: Community, fields: Json) -> Json:
    asked = str(fields.get("group_ids") or fields.get("group_id") or community.number)
    known = [int(each) for each in asked.split(",") if each.lstrip("-").isdecimal()]
    groups = [
        {"id": number, "name": community.name if number == community.number else f"Сообщество {number}",
         "screen_name": f"club{number}", "type": "group"}
        for number in known
    ]  # fmt: skip
    return {"groups": groups, "profiles": []}


def _permissions(community: Community, fields: Json) -> Json:
    told = [{"name": name, "setting": 1 << n} for n, name in enumerate(community.permissions)]
    return {"mask": 4096, "permissions": told}


def _confirmation_code(community: Community, fields: Json) -> Json:
    _group(community, fields)
    return {"code": community.confirmation}


def _callback_servers(community: Community, fields: Json) -> Json:
    _group(community, fields)
    items = [_shown(server) for server in community.servers.values()]
    return {"count": len(items), "items": items}


def _shown(server: Server) -> Json:
    return {"id": server.id, "title": server.title, "url": server.url, "secret_key": server.secret,
            "creator_id": 42, "status": server.status}  # fmt: skip


def _fit(fields: Json) -> tuple[str, str, str]:
    url, title, secret = (str(fields.get(name, "")) for name in ("url", "title", "secret_key"))
    if not url.startswith(("http://", "https://")) or not 0 < len(title) <= TITLE or len(secret) > SECRET:  # fmt: skip
        raise Refusal(100, "One of the parameters specified was missing or invalid")
    return url, title, secret


def _add_server(community: Community, fields: Json) -> Json:
    """Confirmed by `server` when this has returned."""
    _group(community, fields)
    if len(community.servers) >= SERVERS:
        raise Refusal(2000, "Cannot add more than 10 servers")
    return {"server_id": community.add_server(*_fit(fields)).id}


def _server(community: Community, fields: Json) -> Server:
    _group(community, fields)
    server = community.servers.get(whole(fields, "server_id"))
    if server is None:
        raise Refusal(100, "One of the parameters specified was missing or invalid: server_id")
    return server


def _edit_server(community: Community, fields: Json) -> int:
    server = _server(community, fields)
    server.url, server.title, server.secret = _fit(fields)
    server.status = "unconfigured"
    return 1


def _delete_server(community: Community, fields: Json) -> int:
    del community.servers[_server(community, fields).id]
    return 1


def _set_callback(community: Community, fields: Json) -> int:
    _switch(_server(community, fields).events, fields)
    return 1


def _users(community: Community, fields: Json) -> list[Json]:
    """Whom VK does not know is left out."""
    asked = [each for each in str(fields.get("user_ids", "")).split(",") if each.isdecimal()]
    if len(asked) > 1000:
        raise Refusal(100, "One of the parameters specified was missing or invalid: user_ids")
    wanted = str(fields.get("fields", "")).split(",")
    found = [community.people[int(each)] for each in asked if int(each) in community.people]
    plain = ("id", "first_name", "last_name", "can_access_closed", "is_closed")
    return [{name: person[name] for name in (*plain, *wanted) if name in person} for person in found]  # fmt: skip


def _mark_read(community: Community, fields: Json) -> int:
    community.actions.append((whole(fields, "peer_id"), "read"))
    return 1


def _act(community: Community, fields: Json) -> int:
    community.actions.append((whole(fields, "peer_id"), str(fields.get("type", ""))))
    return 1


def _answer_event(community: Community, fields: Json) -> int:
    event = str(fields.get("event_id", ""))
    if event not in community.pressed or community.pressed[event]:
        raise Refusal(100, "One of the parameters specified was missing or invalid: event_id")
    community.pressed[event] = True
    return 1


def _messages_by_number(community: Community, fields: Json) -> Json:
    chat = community.chats.get(whole(fields, "peer_id"))
    numbers = [int(each) for each in str(fields.get("conversation_message_ids", "")).split(",")]
    items = [chat.messages[number] for number in numbers if chat and number in chat.messages]
    return {"count": len(items), "items": items}


def _upload_server(kind: str) -> Callable[[Community, Json], Json]:
    def where(community: Community, fields: Json) -> Json:
        how = fields.get("type") or kind
        return {"upload_url": f"{community.base()}/upload/{community.number}/{how}"}

    return where


def _save_photo(community: Community, fields: Json) -> list[Json]:
    """`photo` is "[]" when the upload was no picture."""
    try:
        (told,) = json.loads(fields.get("photo", "[]"))
    except ValueError:
        raise Refusal(100, "One of the parameters specified was missing or invalid: photos_list is invalid") from None  # fmt: skip
    return [_keep(community, "photo", told["photo"])]


def _save_document(community: Community, fields: Json) -> Json:
    token, _, kind = str(fields.get("file", "")).partition("|")
    doc = _keep(community, "doc", token) | {"title": fields.get("title") or "file"}
    return {"type": kind or "doc", kind or "doc": doc}


def _keep(community: Community, kind: str, token: str) -> Json:
    file = community.uploaded.pop(token, None)
    if file is None:
        raise Refusal(100, "One of the parameters specified was missing or invalid: file")
    told = {"owner_id": -community.number, "id": community.object_id(), "access_key": uuid4().hex[:12]}  # fmt: skip
    community.kept[f"{kind}{told['owner_id']}_{told['id']}_{told['access_key']}"] = file
    return told


METHODS: Final[dict[str, Callable[[Community, Json], Any]]] = {
    "groups.getlongpollserver": _long_poll_server,
    "groups.setlongpollsettings": _set_long_poll,
    "groups.getlongpollsettings": _long_poll_settings,
    "groups.getbyid": _groups_by_id,
    "groups.gettokenpermissions": _permissions,
    "groups.getcallbackconfirmationcode": _confirmation_code,
    "groups.getcallbackservers": _callback_servers,
    "groups.addcallbackserver": _add_server,
    "groups.editcallbackserver": _edit_server,
    "groups.deletecallbackserver": _delete_server,
    "groups.setcallbacksettings": _set_callback,
    "users.get": _users,
    "messages.send": send,
    "messages.markasread": _mark_read,
    "messages.setactivity": _act,
    "messages.sendmessageeventanswer": _answer_event,
    "messages.getbyconversationmessageid": _messages_by_number,
    "photos.getmessagesuploadserver": _upload_server("photo"),
    "photos.savemessagesphoto": _save_photo,
    "docs.getmessagesuploadserver": _upload_server("doc"),
    "docs.save": _save_document,
}
