"""Signatures of the Standard Webhooks specification: ``v1`` (symmetric) and ``v1a`` (ed25519)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable

from busway.errors import ConfigurationError

__all__ = ["Signer"]

SYMMETRIC = "whsec_"
ASYMMETRIC = "whsk_"
SEED_BYTES = 32

Key = Callable[[bytes], bytes]
"""From what is signed to one signature, as it stands in the header."""


class Signer:
    """Signs with every key of ``WEBHOOK_SECRET``: one, or two while it is rotated.

    Raises ``ConfigurationError`` BW3205 when the secret has not the form of the specification.
    """

    def __init__(self, secret: str) -> None:
        self._keys = tuple(_key(part) for part in secret.split())
        if not self._keys:
            raise _unusable("it is empty")

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """The value of ``webhook-signature``: one ``v1,…`` or ``v1a,…`` per key, separated by blanks."""
        signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
        return b" ".join(key(signed) for key in self._keys).decode()


def _key(part: str) -> Key:
    if part.startswith(SYMMETRIC):
        return _symmetric(_decoded(part, SYMMETRIC))
    if part.startswith(ASYMMETRIC):
        return _asymmetric(_decoded(part, ASYMMETRIC))
    raise _unusable(f"it does not start with {SYMMETRIC} or {ASYMMETRIC}")


def _symmetric(secret: bytes) -> Key:
    if not 24 <= len(secret) <= 64:
        raise _unusable(f"its key has {len(secret)} bytes; the specification asks for 24 to 64")
    # Keyed once and copied for every message: half the cost of a new one.
    keyed = hmac.new(secret, digestmod=hashlib.sha256)

    def sign(signed: bytes) -> bytes:
        mac = keyed.copy()
        mac.update(signed)
        return b"v1," + base64.b64encode(mac.digest())

    return sign


def _asymmetric(secret: bytes) -> Key:
    if len(secret) not in (SEED_BYTES, 2 * SEED_BYTES):  # some tools write the public half behind the private one
        raise _unusable(f"its private key has {len(secret)} bytes; ed25519 has {SEED_BYTES}")
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        raise _unusable(
            f"{ASYMMETRIC} needs the package cryptography", "pip install 'busway-sink-webhook[ed25519]'"
        ) from None
    private = Ed25519PrivateKey.from_private_bytes(secret[:SEED_BYTES])
    return lambda signed: b"v1a," + base64.b64encode(private.sign(signed))


def _decoded(part: str, prefix: str) -> bytes:
    encoded = part.removeprefix(prefix)
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _unusable(f"what follows {prefix} is not base64") from None


def _unusable(why: str, fix: str = "") -> ConfigurationError:
    return ConfigurationError(
        "BW3205",
        "the webhook's settings cannot be used",
        where="WEBHOOK_SECRET",
        why=why,
        fix=fix or "make one: echo whsec_$(openssl rand -base64 32), and give it to the receiver too",
    )
