"""Web forms: what a visitor filled in on a landing page, brought by the page's builder or by the page itself.

    POST /hooks/leads/{slug}/{path_secret}     JSON, form-encoded or multipart

In: `receive`, which reads the body (body.py), makes a flat list of its fields (fields.py), puts aside what nobody filled in
(service.py), finds name, phone, email and comment among the rest (roles.py), the source (sources.py), and robots (traps.py).
Nothing goes out: whoever filled in a form is called or written to over another channel.

Facts, as far as the builders publish them; where nothing is published, both shapes are taken:

| builder | shape | source |
|---|---|---|
| Tilda | form-encoded `Name`, `Phone`, `Email`, `Comments`, `tranid`, `formid`, `formname`, `COOKIES` (with `TILDAUTM`), utm_*; `test=test` when the address is entered, which wants a 200 | help.tilda.cc, webhook |
| Marquiz | JSON: `answers` of `q`/`a`, contacts at the top or in `contacts`, `extra.utm` (`name` is the campaign), `extra.href`, `extra.cookies` | help.marquiz.ru, webhook; UNSURE which of the two a quiz of today sends |
| Flexbe | `data[client][phone]`, `data[form_data][fld_1][name]` (and `value`, `type`), `data[utm][utm_source]`, form-encoded or JSON | UNSURE |
| Elementor | labels as names; with "advanced data" `fields[id][title]` (and `value`, `type`), `meta[page_url][value]` | elementor.com, webhook action |
| Contact Form 7 | `your-name`, `your-email`, `your-message`, `_wpcf7…`, by one of several plug-ins, JSON or form-encoded | contactform7.com |

A builder repeats what was not answered 200 for some minutes at most (Tilda: twice, a minute apart), a page not at all: so
`comes_again` is False, and what the broker cannot take is kept here.
"""

from collections.abc import Sequence
from typing import Final

import aiohttp

from connectors.channels.lead_form.answers import cors
from connectors.channels.lead_form.receive import KIND, receive, reread
from connectors.channels.lead_form.roles import BadMap, read_map
from connectors.channels.lead_form.traps import least_seconds
from connectors.connector import Account, Capabilities, Connector, Field, Finding, Step
from connectors.page_origins import NotAnOrigin, read_origins

SHORT: Final = 12
"""Characters of a secret that can be guessed."""


async def check(
    account: Account, http: aiohttp.ClientSession, *, webhook_url: str
) -> Sequence[Finding]:
    """Nobody can be asked: what is written is looked at, and the address to enter is told."""
    findings = [
        _secret(account, webhook_url),
        _origins(account),
    ]
    try:
        read_map(account["field_map"])
    except BadMap as error:
        findings.append(
            _error(
                f"field_map: {error} is not understood; write role=field, the roles being name, phone, email, comment"
            )
        )
    try:
        least_seconds(account)
    except ValueError:
        findings.append(
            _error(f"min_seconds is a number of seconds, not {account['min_seconds']!r}")
        )
    return findings


def _secret(account: Account, webhook_url: str) -> Finding:
    if not account["path_secret"]:
        return _error("There is no path_secret, so nothing is taken: set one")
    if len(account["path_secret"]) < SHORT:
        return Finding(
            level="warning",
            text=f"path_secret is short and can be guessed; take {SHORT} characters or more",
        )
    return Finding(level="ok", text=f"Forms are taken at {webhook_url}/ followed by path_secret")


def _origins(account: Account) -> Finding:
    try:
        origins = read_origins(account["allowed_origins"])
    except (NotAnOrigin, UnicodeError) as error:
        return _error(
            f"allowed_origins: {error} is not an origin; write https://shop.example or https://*.shop.example"
        )
    if origins:
        return Finding(level="ok", text=f"Pages of {', '.join(origins)} may post by themselves")
    return Finding(
        level="ok",
        text="allowed_origins is empty: builders' servers may post, and of pages only those on localhost",
    )


def _error(text: str) -> Finding:
    return Finding(level="error", text=text)


connector = Connector(
    kind=KIND,
    label="Web forms",
    icon="site",
    identity=KIND,
    hint="Tilda, Marquiz, your own",
    steps=(
        Step(
            title="A secret for the address",
            text="Whoever has the address can send forms, so give each site an account of its own. Allo has thought of a secret.",
            fields=("path_secret",),
        ),
        Step(
            title="Give the builder this address",
            text="Tilda: Site settings, Forms, Webhook. Marquiz: Quiz, Integrations, Webhook. Flexbe: Site settings, Integrations. "
            "Elementor: Actions After Submit, Webhook. Anything else: a POST of JSON or form fields.",
            shows="webhook",
        ),
        Step(
            title="A form of your own",
            text="Pages that post by themselves must be named here; builders need nothing.",
            fields=("allowed_origins",),
        ),
    ),
    first="Fill in the form on your site.",
    address_ends="path_secret",
    hook="leads",
    body_limit=10
    << 20,  # files come along with the fields; they are not kept, and must not cost the fields
    fields=(
        Field(
            name="path_secret",
            label="Secret in the address",
            secret=True,
            required=True,
            made_up=True,
            help="The last part of the address forms are sent to: 20 letters and digits of your own",
        ),
        Field(
            name="allowed_origins",
            label="Sites",
            help="Pages that may post by themselves: https://shop.example https://*.shop.example. Builders' servers need none.",
        ),
        Field(
            name="field_map",
            label="Which field is what",
            help="Only where the fields are not recognised: phone=tel_7, name=fio, comment=wishes",
        ),
        Field(
            name="honeypot",
            label="Trap for robots",
            default="company_website",
            help="A field that people do not see; whoever fills it in is a robot",
        ),
        Field(
            name="min_seconds",
            label="Least seconds to fill in",
            default="2",
            help="Counted by the page's script; what comes faster is a robot's. 0: off",
        ),
    ),
    capabilities=Capabilities(),
    receive=receive,
    reread=reread,
    comes_again=False,
    cors=cors,
    check=check,
)
