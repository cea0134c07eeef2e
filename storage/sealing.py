"""Credentials sealed at rest: whoever reads the database, or a backup without its key, reads no token.

A sealed box is    version (1 byte) · key's name (4 bytes) · nonce (12 bytes) · AES-256-GCM ciphertext and tag

It is bound to what it belongs to (`context`, an account's id): a box copied to another row does not open. The key is
derived from the installation's secret, and its name says which secret it was, so that a wrong one is called wrong rather
than the box damaged, and so that the secret can be changed: give the new one with the old ones behind it, seal again
whatever `is_current` denies, and drop the old ones.
"""

import hmac
import os
from collections.abc import Mapping
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION: Final = b"\x01"
_NAME: Final = 4
_NONCE: Final = 12
"""NIST SP 800-38D: 96 bits, random; safe for 2³² boxes under one key."""
_HEAD: Final = len(_VERSION) + _NAME + _NONCE


class CannotUnseal(Exception):
    """A sealed box does not open."""


class WrongKey(CannotUnseal):
    """It was sealed under another secret key than this installation's."""

    def __init__(self) -> None:
        super().__init__(
            "The channels' credentials were sealed with another secret key. Put the right one back (ALLO_SECRET_KEY, or "
            "the file secret_key in the data directory; it is in every `allo backup`), or enter the credentials again."
        )


class Damaged(CannotUnseal):
    """It was changed, cut off, or belongs to somebody else."""

    def __init__(self) -> None:
        super().__init__("The sealed credentials are damaged: enter them again.")


class Sealer:
    """Seals with the first of the secrets (32 bytes each, `Settings.secret`), opens with any of them."""

    def __init__(self, secret: bytes, *earlier: bytes) -> None:
        self._ciphers = {
            _name(each): AESGCM(_derived(each, b"sealing")) for each in (secret, *earlier)
        }
        self._name = _name(secret)

    def seal(self, plain: bytes, *, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        head = _VERSION + self._name + nonce
        return head + self._ciphers[self._name].encrypt(nonce, plain, _bound(head, context))

    def unseal(self, box: bytes, *, context: bytes) -> bytes:
        """Raises WrongKey, Damaged."""
        head = box[:_HEAD]
        if len(head) < _HEAD or head[:1] != _VERSION:
            raise Damaged
        cipher = self._ciphers.get(head[1 : 1 + _NAME])
        if cipher is None:
            raise WrongKey
        try:
            return cipher.decrypt(head[-_NONCE:], box[_HEAD:], _bound(head, context))
        except InvalidTag:
            raise Damaged from None

    def is_current(self, box: bytes) -> bool:
        """Whether the box was sealed with the first of the secrets."""
        return box[1 : 1 + _NAME] == self._name

    def seal_fields(self, fields: Mapping[str, str], *, context: bytes) -> bytes:
        """Nothing of no fields at all: a channel without credentials has nothing to lose with the key."""
        return self.seal(msgspec.json.encode(dict(fields)), context=context) if fields else b""

    def unseal_fields(self, box: bytes, *, context: bytes) -> dict[str, str]:
        """Raises WrongKey, Damaged."""
        if not box:
            return {}
        try:
            return msgspec.json.decode(self.unseal(box, context=context), type=dict[str, str])
        except msgspec.DecodeError:
            raise Damaged from None


def _derived(secret: bytes, use: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"allo/" + use).derive(secret)


def _name(secret: bytes) -> bytes:
    return hmac.digest(_derived(secret, b"name"), b"name", "sha256")[:_NAME]


def _bound(head: bytes, context: bytes) -> bytes:
    return head + context
