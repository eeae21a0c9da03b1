"""Signatures of the Standard Webhooks specification (symmetric, ``v1``)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from busway.errors import ConfigurationError

__all__ = ["keys_of", "sign"]

PREFIX = "whsec_"


def keys_of(secret: str) -> tuple[bytes, ...]:
    """The keys in ``WEBHOOK_SECRET``: one, or two while it is rotated.

    Raises ``ConfigurationError`` BW3205 when the secret has not the form of the specification.
    """
    keys = tuple(_key(part) for part in secret.split())
    if not keys:
        raise _unusable("it is empty")
    return keys


def sign(keys: tuple[bytes, ...], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``: one ``v1,…`` per key, separated by blanks."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join("v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys)


def _key(part: str) -> bytes:
    if not part.startswith(PREFIX):
        raise _unusable(f"it does not start with {PREFIX}")
    encoded = part.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _unusable(f"what follows {PREFIX} is not base64") from None
    if not 24 <= len(key) <= 64:
        raise _unusable(f"its key has {len(key)} bytes; the specification asks for 24 to 64")
    return key


def _unusable(why: str) -> ConfigurationError:
    return ConfigurationError(
        "BW3205",
        "the webhook's settings cannot be used",
        where="WEBHOOK_SECRET",
        why=why,
        fix="make one: echo whsec_$(openssl rand -base64 32), and give it to the receiver too",
    )
