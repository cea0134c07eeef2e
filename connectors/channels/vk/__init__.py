"""VK communities. https://dev.vk.com/ru/api/community-messages/getting-started (API 5.199)

In: `events.receive` for the Callback API, `long_poll.poll` without it; both read events with `events.read_event`, which
finds the words in `messages`, `attachments`, `notices`, `forms`; the shapes are in `dialect`. Out: `sending`, `files`,
`names`, `gestures`, through the one door `method_calls`, behind which vk_api works in threads (`library`). `refusals`
is the table of what VK refuses. `setup` tries the token and tells VK where to send events.

Facts, with their source:

| what | |
|---|---|
| text 4096 code points, ten attachments | error 914; VK API, messages.send |
| 20 calls a second to a community, of all methods | dev.vk.com, Getting started |
| documents 200 MB, photos 50 MB | VK API, Uploading files |
| read reports (message_read), no delivery reports, no deletions | Community events |
| an event is repeated until it is answered `ok`, with the same event_id; how long is not said | Callback API |
| random_id: the same message is not sent twice | VK API, messages.send |
| a community may write to whoever wrote to it or allowed it, at any time | error 901 |
"""

from connectors import entrance
from connectors.channels.vk.events import receive, reread
from connectors.channels.vk.files import fetch
from connectors.channels.vk.gestures import acknowledge, mark_read, show_typing
from connectors.channels.vk.long_poll import poll, polls
from connectors.channels.vk.method_calls import PER_SECOND
from connectors.channels.vk.names import describe
from connectors.channels.vk.parts import FILE_LIMIT, TEXT_LIMIT, split
from connectors.channels.vk.sending import send
from connectors.channels.vk.setup import check, connect
from connectors.connector import Capabilities, Connector, Field, Step

connector = Connector(
    kind="vk",
    label="VK",
    icon="vk",
    identity="vk",
    hint="a community",
    steps=(
        Step(
            title="Switch messages on",
            text="In the community: Manage, Messages: on. Under Bot settings switch the bot's abilities on.",
            link="https://vk.com/groups?tab=admin",
        ),
        Step(
            title="Which community",
            text="The number is in its address: of vk.com/club222 it is 222. A community with a name shows it under Manage, "
            "API usage, Callback API.",
            fields=("group_id",),
        ),
        Step(
            title="Make a token",
            text="Manage, API usage, Access tokens, Create: with access to management, messages, photos and documents. "
            "Permissions of a token that is there already cannot be changed.",
            fields=("access_token",),
            tries=True,
        ),
        Step(
            title="How messages arrive",
            text="Long Poll works everywhere, and Allo switches it on in the community by itself. For Callback API save "
            "first: the check then names the confirmation code.",
            fields=("mode",),
        ),
    ),
    first="Write to your community from another page of VK.",
    hook="vk",
    fields=(
        Field(
            name="group_id",
            label="Community's number",
            required=True,
            help="As in vk.com/club222: 222",
        ),
        Field(
            name="access_token",
            label="Access token",
            secret=True,
            required=True,
            help="Of the community, with access to management, messages, photos and documents",
        ),
        Field(
            name="mode",
            label="How messages arrive",
            default="longpoll",
            choices=("longpoll", "callback"),
            help="longpoll works everywhere; callback needs a public address",
        ),
        Field(
            name="secret",
            label="Secret key",
            secret=True,
            help="For callback: a word of your own, up to 50 characters; VK repeats it with every event",
        ),
        Field(
            name="confirmation",
            label="Confirmation code",
            help="For callback: what VK expects for an answer when it tries the address",
        ),
        Field(
            name="api_base",
            label="API server",
            default="https://api.vk.ru",
            help="Another address of VK's API, or a proxy",
        ),
    ),
    entrance=entrance.VK,
    capabilities=Capabilities(
        text_limit=TEXT_LIMIT,
        attachments=True,
        attachment_limit=FILE_LIMIT,
        replies=True,
        edits=True,
        reactions=True,
        typing=True,
        buttons=True,
        groups=True,
        reports=frozenset({"read"}),
        rate=PER_SECOND,
        repeat_is_safe=True,
    ),
    receive=receive,
    reread=reread,
    polls=polls,
    poll=poll,
    send=send,
    split=split,
    fetch=fetch,
    acknowledge=acknowledge,
    show_typing=show_typing,
    mark_read=mark_read,
    describe=describe,
    check=check,
    connect=connect,
)
