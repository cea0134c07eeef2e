"""Telegram bots. https://core.telegram.org/bots/api (Bot API 10.3)

In: `updates.receive` for the webhook, `polling.poll` without one; both read updates with `updates.read_update`, which
finds the words in `messages`, `content`, `people`; the shapes are in `dialect`. Out: `sending`, through the one
door `bot_api`. `setup` tries the token and tells Telegram where to send updates.

Facts, with their source:

| what | |
|---|---|
| text 4096, caption 1024, counted in UTF-16 code units after entities are parsed | Bot API, sendMessage, sendPhoto |
| files to send 50 MB, photos 10 MB; files to fetch 20 MB | Bot API, sending files; getFile |
| about 30 messages a second in all, one a second in a chat, twenty a minute in a group | Bots FAQ, "My bot is hitting limits" |
| no delivery or read reports, no typing, no deletions except in business chats | Bot API, Update |
| an update is repeated until it is answered 2xx, for 24 hours; Retry-After up to 3600 s is heeded | tdlib/telegram-bot-api, WebhookActor |
| no idempotency key: a message sent twice comes twice | Bot API |
"""

from connectors import entrance
from connectors.channels.telegram.files import fetch
from connectors.channels.telegram.first_send import send
from connectors.channels.telegram.gestures import acknowledge, show_typing
from connectors.channels.telegram.parts import split
from connectors.channels.telegram.polling import poll, polls
from connectors.channels.telegram.setup import check, connect
from connectors.channels.telegram.updates import receive, reread
from connectors.connector import Capabilities, Connector, Field, Step

connector = Connector(
    kind="telegram",
    label="Telegram",
    icon="telegram",
    identity="telegram",
    hint="two minutes",
    steps=(
        Step(
            title="Make a bot",
            text="Open @BotFather in Telegram, send /newbot and choose a name. It answers with a token: copy it.",
            link="https://t.me/BotFather",
        ),
        Step(
            title="Paste the token",
            text="All of it, with the digits before the colon.",
            fields=("token",),
            tries=True,
        ),
        Step(
            title="How messages arrive",
            text="Webhook: Telegram calls Allo, which needs a public https address. Polling: Allo asks Telegram, which works "
            "everywhere. Nothing is lost either way, and it can be changed later.",
            fields=("mode",),
        ),
    ),
    first="Write anything to your bot in Telegram, /start will do.",
    hook="telegram",
    fields=(
        Field(
            name="token",
            label="Bot token",
            secret=True,
            required=True,
            help="From @BotFather, like 123456:ABC-DEF…",
        ),
        Field(
            name="mode",
            label="How messages arrive",
            default="polling",
            choices=("polling", "webhook"),
            public="webhook",
            help="polling works everywhere; webhook needs a public https address",
        ),
        Field(
            name="webhook_secret",
            label="Webhook secret",
            secret=True,
            made_up=True,
            help="1 to 256 of A-Z a-z 0-9 _ -; Telegram repeats it with every update",
        ),
        Field(
            name="username",
            label="Bot's @username",
            help="Only for groups: tells commands to this bot from commands to others",
        ),
        Field(
            name="api_base",
            label="Bot API server",
            default="https://api.telegram.org",
            help="A proxy or a Bot API server of your own",
        ),
    ),
    entrance=entrance.TELEGRAM,
    capabilities=Capabilities(
        text_limit=4096,
        caption_limit=1024,
        text_unit="utf16",
        attachments=True,
        attachment_limit=50_000_000,
        replies=True,
        edits=True,
        reactions=True,
        typing=True,
        buttons=True,
        groups=True,
        rate=30,
        chat_rate=1,
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
    check=check,
    connect=connect,
)
