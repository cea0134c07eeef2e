"""A stand-in for Telegram: its Bot API, and the people who use it.

`world` is what Telegram knows: bots, chats, messages, files; people write, press, block there. `delivery` brings
updates to bots as Telegram's server does: by webhook, one at a time per chat and retried, or by getUpdates.
`bot_api` is what bots call; `faults` what can go wrong on the way; `control` an HTTP door for people and scripts.

    python -m sandbox.telegram --port 8081 --token 123456:TEST
    curl -d '{"user": 700, "text": "Здравствуйте"}' http://127.0.0.1:8081/control/123456:TEST/write
    curl http://127.0.0.1:8081/control/123456:TEST/sent

The behaviour is that of https://core.telegram.org/bots/api and of tdlib/telegram-bot-api; aiogram's own polling works
against it. `tempo` makes its waits shorter: 0.01 turns a minute into 0.6 seconds.
"""

from sandbox.telegram.bot_api import Telegram
from sandbox.telegram.faults import Fault
from sandbox.telegram.limits import Limits
from sandbox.telegram.world import Bot, Delivered

__all__ = ["Bot", "Delivered", "Fault", "Limits", "Telegram"]
