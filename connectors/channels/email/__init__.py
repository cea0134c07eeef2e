"""Email: mail comes in by SMTP, from a mailbox or from a provider's hook, and answers go out by SMTP.

    listener ─┐                                 the server mail is delivered to
    imap ─────┼▶ mime ─▶ events ─▶ intake       the mailbox that is read; envelope: kept with the mail
    hooks ────┘    │      ├ threading           which conversation, which ids
             headers,     ├ authentication      is From to be believed
             charsets,    ├ automatic           did a person write it; reports about mail of ours
             html,        └ quoted_text         what is new in it
             filenames
    answer ─▶ outgoing ─▶ sending ─▶ the account's mail server      oauth: signing in with a token; checking: the set-up

Mail is the least orderly channel there is: what comes in may be of any size, in any charset, broken in any way, from
anybody who says so. So everything inward is total and linear, nothing is believed that the receiving server did not
check, and the raw bytes are kept beside every event.
"""

from connectors import entrance
from connectors.channels.email.checking import check
from connectors.channels.email.events import reread
from connectors.channels.email.hooks.receiving import BODY, receive
from connectors.channels.email.imap.watching import polls, watch
from connectors.channels.email.listener import listen
from connectors.channels.email.sending import FILES, send
from connectors.connector import Capabilities, Connector, Field, Step

connector = Connector(
    kind="email",
    label="Email",
    icon="email",
    identity="email",
    hint="a mailbox, or your mail server",
    steps=(
        Step(
            title="Which address",
            text="Customers write to it, and answers leave from it.",
            fields=("address",),
        ),
        Step(
            title="How mail comes in",
            text="imap: Allo reads the mailbox; nothing in it is changed. smtp: your own mail server delivers to Allo. hook: "
            "a provider such as Mailgun posts it.",
            fields=("mode",),
        ),
        Step(
            title="The mailbox",
            text="For imap. Yandex: imap.yandex.ru, Mail.ru: imap.mail.ru, Gmail: imap.gmail.com. They want an app password, "
            "made in the mailbox's settings, not the one you sign in with. At first all mail in the folder comes in: to begin "
            "with today, write today's date.",
            fields=("imap_host", "imap_user", "imap_password", "imap_since"),
        ),
        Step(
            title="The way out",
            text="smtp.yandex.ru, smtp.mail.ru, smtp.gmail.com, port 465. Without it mail comes in, and nobody can answer.",
            fields=("smtp_host", "smtp_port", "smtp_user", "smtp_password"),
            tries=True,
        ),
    ),
    first="Send a letter to the address from another mailbox.",
    fields=(
        Field(
            name="address",
            label="Address",
            help="shop@example.com: whose mail this account takes, and what answers are sent from. "
            "Empty: it takes all mail that no other account does.",
        ),
        Field(
            name="mode",
            label="How mail comes in",
            default="smtp",
            choices=("smtp", "imap", "hook"),
            help="smtp: your mail server delivers to Allo. imap: Allo reads a mailbox. hook: a provider posts it.",
        ),
        Field(name="imap_host", label="IMAP server"),
        Field(name="imap_port", label="IMAP port", default="993"),
        Field(name="imap_user", label="IMAP user"),
        Field(name="imap_password", label="IMAP password", secret=True),
        Field(
            name="imap_tls",
            label="IMAP encryption",
            default="tls",
            choices=("tls", "starttls", "none"),
        ),
        Field(
            name="imap_folder",
            label="Folder",
            default="INBOX",
            help="The one that is read. Nothing in it is changed: mails are neither marked as read nor moved.",
        ),
        Field(
            name="imap_since",
            label="Read mail since",
            help="2026-01-31: what arrived before is left alone. Empty: everything that is in the folder.",
        ),
        Field(
            name="imap_idle",
            label="Wait for new mail",
            choices=("", "no"),
            help="no: look every half minute instead, for servers whose notices cannot be relied on.",
        ),
        Field(
            name="smtp_host",
            label="Outgoing server",
            help="smtp.yandex.ru, smtp.gmail.com, smtp.mail.ru… Without one nothing can be answered.",
        ),
        Field(name="smtp_port", label="Outgoing port", help="465 or 587; 25 on this machine."),
        Field(name="smtp_user", label="Outgoing user"),
        Field(
            name="smtp_password",
            label="Outgoing password",
            secret=True,
            help="Gmail, Yandex and Mail.ru want an app password here.",
        ),
        Field(
            name="smtp_tls",
            label="Outgoing encryption",
            choices=("", "tls", "starttls", "none"),
            help="Empty: by the port; never in the clear except on this machine.",
        ),
        Field(
            name="oauth_refresh_token",
            label="OAuth refresh token",
            secret=True,
            help="Instead of passwords, for reading and for sending (XOAUTH2).",
        ),
        Field(name="oauth_client_id", label="OAuth client ID"),
        Field(name="oauth_client_secret", label="OAuth client secret", secret=True),
        Field(
            name="oauth_token_url",
            label="OAuth token address",
            help="Empty: Google's, Yandex's, Mail.ru's or Microsoft's, by the server's name.",
        ),
        Field(
            name="hook_signing_key",
            label="Provider's signing key",
            secret=True,
            help="Mailgun: the HTTP webhook signing key. SendGrid: the public key of the security policy. "
            "raw: a key of your own choice.",
        ),
        Field(
            name="hook_password",
            label="Hook password",
            secret=True,
            help="For a provider that signs nothing; it stands in the address, https://allo:password@…",
        ),
        Field(
            name="authserv_id",
            label="Receiving server's name",
            help="As it stands in Authentication-Results, such as mx.google.com; *.example.com for all below. Without it "
            "no sender's address is proved, and mails never join an existing contact by address alone.",
        ),
        Field(
            name="reply_tokens",
            label="Answers to a +address",
            choices=("", "yes"),
            help="yes: answers ask for replies to shop+…@, which finds the conversation whatever the client does. Only "
            "when your mail server delivers +addresses.",
        ),
    ),
    entrance=entrance.EMAIL,
    capabilities=Capabilities(
        attachments=True,
        attachment_limit=FILES,
        replies=True,
        subject=True,
        html=True,
        reports=frozenset({"delivered", "read"}),
        # The same Message-ID and bytes at every attempt. That is as far as SMTP goes: the large providers show such a
        # mail once, some small servers would show it twice.
        repeat_is_safe=True,
    ),
    hook="email",
    body_limit=BODY,
    receive=receive,
    send=send,
    check=check,
    reread=reread,
    polls=polls,
    watch=watch,
    listen=listen,
)
