"""What every answer of the inbox tells the browser not to allow."""

from types import MappingProxyType
from typing import Final

PAGE: Final = MappingProxyType(
    {
        # No inline script or style anywhere: what a customer writes can never run, even if it got through escaping.
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
            "media-src 'self' blob:; connect-src 'self'; font-src 'self'; frame-src 'self'; "
            "worker-src 'self'; manifest-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    }
)

_FROZEN: Final = (
    "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox; "
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    # A mail without its inline styles is unreadable; without scripts, forms and the network a style does no harm.
    "style-src 'unsafe-inline'; "
)

MAIL: Final = MappingProxyType(
    {
        **PAGE,
        "Content-Security-Policy": _FROZEN + "img-src 'self' data:",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "no-referrer",
    }
)
"""A customer's HTML mail in its frame."""

MAIL_WITH_IMAGES: Final = MappingProxyType(
    {**MAIL, "Content-Security-Policy": _FROZEN + "img-src 'self' data: https:"}
)
"""The same after the reader pressed "show images": the sender learns that it was read."""

FILE: Final = MappingProxyType(
    {
        **PAGE,
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    }
)
"""A customer's file: even if the browser shows it, nothing in it runs."""
