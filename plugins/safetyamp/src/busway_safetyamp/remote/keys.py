"""Keys as the header that carries them."""

from __future__ import annotations

import hashlib

from busway.contracts.settings import Secret
from busway.errors import ConfigurationError

__all__ = ["bearer", "fingerprint"]


def bearer(key: Secret, setting: str) -> str:
    """``Bearer …`` for the ``Authorization`` header. Raises ``ConfigurationError`` BW5006 for what cannot be sent."""
    text = key.get_secret_value().strip()
    if not text or not text.isascii() or not text.isprintable():
        raise ConfigurationError(
            "BW5006",
            f"{setting} cannot be sent as a key",
            where=setting,
            why="it is empty or holds characters that do not belong in a header, such as a line break",
            fix=f"copy the key again: `busway config explain {setting}` shows where it comes from",
        )
    return f"Bearer {text}"


def fingerprint(key: Secret) -> str:
    """Eight hexadecimal digits that tell keys apart and say nothing else: 32 bits of a digest give no key away."""
    return hashlib.sha256(key.get_secret_value().strip().encode()).hexdigest()[:8]
