"""Whether the From of a mail is proved: only the receiving server's own Authentication-Results can say so (RFC 8601).

Anybody can write such a header into a mail. The account names its server (`authserv_id`); only the topmost header
counts, and only when it bears that name, because a receiving server writes above everything that came in. A name with a
star in front, `*.mail.yandex.net`, stands for the hosts below, of which large providers have many. Without the setting
nothing is proved, but for mails of a provider that tells its findings apart from the mail (`Envelope.checked`).
"""

from dataclasses import dataclass
from typing import Final

import authres

from connectors.channels.email.charsets import decode
from connectors.channels.email.headers import Headers
from connectors.email_addresses import domain_of


@dataclass(frozen=True, slots=True)
class Verdict:
    proved: bool
    how: str


_PROVIDER: Final = "provider"


def verdict(headers: Headers, *, sender: str, authserv_ids: str, checked: str = "") -> Verdict:
    """`checked`: what the receiving provider found, told apart from the mail; it then is what counts."""
    ours = accepted_servers(authserv_ids)
    written = f"{_PROVIDER}; {checked}" if checked else ""
    if not ours and not written:
        return Verdict(False, "unauthenticated From")
    if len(headers.all("from")) != 1:
        return Verdict(False, "more than one From")
    if not written:
        written = decode(headers.raw("authentication-results")[:8192])
    results = _results(written, {_PROVIDER} if checked else ours)
    if results is None:
        return Verdict(False, "no Authentication-Results of the receiving server")
    if any(_is(result, "dmarc", "fail") for result in results):
        return Verdict(False, "DMARC failed")
    domain = domain_of(sender)
    how = next(filter(None, (_passed(result, domain) for result in results)), "")
    if how:
        return Verdict(True, how)
    return Verdict(False, "DMARC, DKIM and SPF did not pass for the sender's domain")


def _results(written: str, ours: set[str]) -> list[authres.AuthenticationResult] | None:
    """What the receiving server found; None: the field is not its own, or cannot be read."""
    try:
        parsed = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {written}")
    except Exception:  # noqa: BLE001  # a hostile header may break the library anywhere; it then proves nothing
        return None
    return list(parsed.results) if is_one_of(str(parsed.authserv_id).lower(), ours) else None


def accepted_servers(authserv_ids: str) -> set[str]:
    """The account's setting: names with commas between them."""
    return {each.strip().lower() for each in authserv_ids.split(",") if each.strip()}


def is_one_of(server: str, ours: set[str]) -> bool:
    return server in ours or any(
        each.startswith("*.") and len(each) > 3 and server.endswith(each[1:]) for each in ours
    )


def authserv_id_of(headers: Headers) -> str:
    """Who signs the topmost findings; "" when there are none."""
    written = decode(headers.raw("authentication-results")[:8192])
    return written.partition(";")[0].split(" ")[0].strip().lower()


def _is(result: authres.AuthenticationResult, method: str, outcome: str) -> bool:
    return (str(result.method).lower(), str(result.result).lower()) == (method, outcome)


def _passed(result: authres.AuthenticationResult, domain: str) -> str:
    if str(result.result).lower() != "pass" or not domain:
        return ""
    properties = {f"{each.type}.{each.name}".lower(): str(each.value) for each in result.properties}
    match str(result.method).lower():
        case "dmarc":
            named = domain_of(properties.get("header.from", domain))
            return "DMARC passed" if named == domain else ""
        case "dkim":
            signer = properties.get("header.d") or domain_of(properties.get("header.i", ""))
            return "DKIM passed" if _aligned(signer, domain) else ""
        case "spf":
            # Yandex calls it smtp.mail.
            said = properties.get("smtp.mailfrom") or properties.get("smtp.mail", "")
            sent_by = domain_of(said)
            return "SPF passed" if _aligned(sent_by, domain) else ""
        case _:
            return ""


def _aligned(signer: str, domain: str) -> bool:
    """The signer is the domain or above it. Relaxed DMARC also allows a sibling, which takes a list of public suffixes."""
    signer = signer.lower().strip().rstrip(".")
    return "." in signer and (signer == domain or domain.endswith(f".{signer}"))
