"""The chat on the customer's own site: a channel whose platform is Allo itself.

A page of the shop loads `/widget.js` (static/widget.js). The loader keeps the visitor's token and the visit's source
in the page's own storage and opens a frame from this server (static/frame.html), which talks to the routes below and
to nobody else. So the shop's Content-Security-Policy needs this server in `script-src` and `frame-src` only, and
neither page can read the other.

    POST /chat/{slug}/session    a token, and the visit if one begins        talk.py
    POST /chat/{slug}/messages   answered when durable; safe to repeat       talk.py, receive.py
    POST /chat/{slug}/files      a file, for a ticket                        talk.py, files.py
    POST /chat/{slug}/identify   the site says, signed, who this is          identify.py
    POST /chat/{slug}/seen       delivered and read, by seq                  talk.py
    GET  /chat/{slug}/messages   a page, or a long poll                      stream.py
    GET  /chat/{slug}/events     server-sent events                          stream.py
    GET  /chat/{slug}/try        a small shop to try it on                   pages.py

Every request passes the door (door.py): account, origin, token (visitors.py), rates.
"""

from collections.abc import Sequence

import aiohttp
from aiohttp import web

from connectors.channels.site_chat import pages as pages_
from connectors.channels.site_chat.door import KIND, Door
from connectors.channels.site_chat.pages import Pages
from connectors.channels.site_chat.receive import external_id
from connectors.channels.site_chat.storefront import (
    FILE_BYTES,
    FORM_FIELDS,
    contrast,
    is_colour,
    is_link,
)
from connectors.channels.site_chat.stream import Stream
from connectors.channels.site_chat.talk import Talk
from connectors.connector import (
    Account,
    Capabilities,
    Connector,
    Field,
    Finding,
    Outgoing,
    Sent,
    Step,
    Surroundings,
)
from connectors.page_origins import NotAnOrigin, read_origins


def routes(surroundings: Surroundings) -> Sequence[web.RouteDef]:
    pages_.warm()
    door = Door(surroundings)
    pages, talk, stream = (
        Pages(surroundings, door),
        Talk(surroundings, door),
        Stream(surroundings, door),
    )
    asked = {
        "session": talk.session,
        "messages": talk.message,
        "files": talk.file,
        "identify": talk.identify,
        "seen": talk.seen,
    }
    read = {
        "config": pages.config,
        "messages": stream.messages,
        "events": stream.events,
        "files/{link}": pages.file,
    }
    return [
        web.get("/widget.js", pages.loader),
        web.get("/chat/{slug}/frame", pages.frame),
        web.get("/chat/{slug}/try", pages.try_it),
        web.get("/chat/{slug}/parts/{version}/{part}", pages.part),
        *(
            web.get(f"/chat/{{slug}}/{path}", door.opened(to, changes=False))
            for path, to in read.items()
        ),
        *(
            web.post(f"/chat/{{slug}}/{path}", door.opened(to, changes=True))
            for path, to in asked.items()
        ),
        *(web.options(f"/chat/{{slug}}/{path}", door.preflight) for path in {*asked, *read}),
    ]


async def send(account: Account, outgoing: Outgoing, http: aiohttp.ClientSession) -> Sent:
    """The answer is in the database already, and the visitor's page reads it there; it reports when it has."""
    return Sent(external_id=external_id(outgoing.chat, outgoing.id))


async def check(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    found = []
    try:
        origins = read_origins(account["allowed_origins"])
    except (NotAnOrigin, UnicodeError) as error:
        found.append(
            Finding(
                level="error",
                text=f"allowed_origins: {error} is not an origin; write https://shop.example or https://*.shop.example",
            )
        )
    else:
        if origins:
            found.append(Finding(level="ok", text=f"The chat works on {', '.join(origins)}"))
        else:
            found.append(
                Finding(
                    level="warning",
                    text="allowed_origins is empty: the chat works on this server's own pages and on localhost only",
                )
            )
    if any(len(secret) < 32 for secret in account["identity_secret"].split()):
        found.append(
            Finding(level="warning", text="identity_secret is short: 32 characters or more")
        )
    colour = account["colour"]
    if colour and not is_colour(colour):
        found.append(Finding(level="error", text="colour: write it like #0f666f"))
    elif colour and contrast(colour, "#ffffff") < 4.5:
        found.append(
            Finding(
                level="warning",
                text="White is hard to read on this colour, so the text on it is dark",
            )
        )
    if account["privacy_url"] and not is_link(account["privacy_url"]):
        found.append(
            Finding(level="error", text="privacy_url: write the whole address, with https://")
        )
    if account["prechat"] == "required" and not account["privacy_url"]:
        found.append(
            Finding(
                level="warning",
                text="The form asks for personal data: set privacy_url, and the visitor is asked for consent",
            )
        )
    return found


connector = Connector(
    kind=KIND,
    label="Site chat",
    icon="site",
    identity="visitor",
    hint="a button on your site",
    steps=(
        Step(
            title="How it greets",
            text="Empty is fine: the words can be changed at any time.",
            fields=("title", "greeting", "colour"),
        ),
        Step(
            title="Where it may stand",
            text="Your sites, as the browser's address bar has them. Other people's pages are refused.",
            fields=("allowed_origins",),
        ),
        Step(
            title="Put it on your pages",
            text="Before </body> of every page. With a Content-Security-Policy add Allo's address to script-src and frame-src.",
            shows="snippet",
        ),
    ),
    first="Open the test page and write something.",
    snippet=lambda address, slug: (
        f'<script async src="{address}/widget.js?account={slug}"></script>'
    ),
    try_at=lambda slug: f"/chat/{slug}/try",
    fields=(
        Field(
            name="title", label="Title", help="The name above the conversation, usually the shop's"
        ),
        Field(
            name="allowed_origins",
            label="Sites",
            help="Where the chat may stand: https://shop.example https://*.shop.example. "
            "Empty: this server's own pages and localhost",
        ),
        Field(
            name="identity_secret",
            label="Identity secret",
            secret=True,
            help="Your site signs with it who is logged in; two, separated by a space, while you change it",
        ),
        Field(name="colour", label="Colour", help="Like #0f666f"),
        Field(name="greeting", label="Greeting", help="The first line of an empty conversation"),
        Field(name="teaser", label="Invitation", help="Shown once beside the button; empty: never"),
        Field(
            name="prechat",
            label="Form before the first message",
            default="none",
            choices=("none", "optional", "required"),
        ),
        Field(
            name="prechat_fields",
            label="Its fields",
            default="name phone",
            help=f"Of: {', '.join(FORM_FIELDS)}",
        ),
        Field(
            name="consent_text",
            label="Consent",
            help="What the visitor agrees to, kept with the moment",
        ),
        Field(name="privacy_url", label="Privacy policy", help="Address of the policy"),
        Field(
            name="ip_rate",
            label="Messages a minute from one address",
            default="30",
            help="0: no limit",
        ),
    ),
    capabilities=Capabilities(
        attachments=True,
        attachment_limit=FILE_BYTES,
        edits=True,
        deletes=True,
        reports=frozenset({"delivered", "read"}),
        repeat_is_safe=True,
    ),
    send=send,
    check=check,
    routes=routes,
)
