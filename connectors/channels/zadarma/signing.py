"""Signatures of Zadarma and Novofon: base64 of the hexadecimal HMAC-SHA1, in both directions.

PHP's hash_hmac gives hexadecimal digits, and the official library encodes those (user-api-v1); their TypeScript library
encodes the raw digest and takes a request without any signature, which is not what is sent.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from hashlib import md5
from urllib.parse import urlencode


def signature(secret: str, text: str) -> str:
    digest = hmac.new(secret.encode(), text.encode(), "sha1").hexdigest()
    return b64encode(digest.encode()).decode()


def signed_query(secret: str, path: str, fields: Mapping[str, str]) -> tuple[str, str]:
    """The query as it must be sent, and its signature: of path, query and the query's MD5 (Zadarma, "Authorization")."""
    query = urlencode(sorted(fields.items()))
    digest = md5(query.encode(), usedforsecurity=False).hexdigest()
    return query, signature(secret, f"{path}{query}{digest}")
