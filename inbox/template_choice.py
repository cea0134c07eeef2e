"""A message template that a colleague, or a program, has chosen and filled in: checked against what the platform has now.

What is stored as the reply's text is what the customer will read; the choice itself travels beside it to the connector.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.message_templates import WrongValues, as_details, filled
from inbox.channel_desk import ChannelDesk
from inbox.desk import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`details` is for `Desk.reply(template=…)`."""

    text: str
    details: Mapping[str, Any]


async def choose(
    channels: ChannelDesk, account: str, *, name: str, language: str, values: Mapping[str, str]
) -> Choice:
    """`account` is the slug. Raises Refused for a template that is not there, or values that do not fit; NotFound."""
    for template in await channels.templates(account):
        if (template.name, template.language) == (name, language):
            try:
                return Choice(text=filled(template, values), details=as_details(template, values))
            except WrongValues as wrong:
                raise Refused(str(wrong)) from wrong
    raise Refused("There is no such template, or the platform has not approved it.")
