"""Whether the From of a mail is proved: only the receiving server's own Authentication-Results can say so (RFC 8601).

Anybody can write such a header into a mail. The account names its server (`authserv_id`); only the topmost header
counts, and only when it bears that name, because a receiving server writes above everything that came in. Without the
setting nothing is proved.
"""

from dataclasses import dataclass

import authres

from connectors.channels.email.charsets import decode
from connectors.channels.email.headers import Headers
from connectors.email_addresses import domain_of


@dataclass(frozen=True, slots=True)
class Verdict:
    proved: bool
    how: str


def verdict(headers: Headers, *, sender: str, authserv_ids: str) -> Verdict:
    ours = {each.strip().lower() for each in authserv_ids.split(",") if each.strip()}
    if not ours:
        return Verdict(False, "unauthenticated From")
    if len(headers.all("from")) != 1:
        return Verdict(False, "more than one From")
    results = _results(headers, ours)
    if results is None:
        return Verdict(False, "no Authentication-Results of the receiving server")
    if any(_is(result, "dmarc", "fail") for result in results):
        return Verdict(False, "DMARC failed")
    domain = domain_of(sender)
    how = next(filter(None, (_passed(result, domain) for result in results)), "")
    if how:
        return Verdict(True, how)
    return Verdict(False, "DMARC, DKIM and SPF did not pass for the sender's domain")


def _results(headers: Headers, ours: set[str]) -> list[authres.AuthenticationResult] | None:
    """What the receiving server found; None: the topmost field is not its own, or cannot be read."""
    topmost = decode(headers.raw("authentication-results")[:8192])
    try:
        parsed = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {topmost}")
    except Exception:  # noqa: BLE001  # a hostile header may break the library anywhere; it then proves nothing
        return None
    return list(parsed.results) if str(parsed.authserv_id).lower() in ours else None


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
