"""The installation's own key: it makes digests that say "the same again" without saying what."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from busway.errors import ConfigurationError
from busway.stores.file_lock import PRIVATE_FILE
from busway.stores.state_dir import KEYS, prepare_state_dir

__all__ = ["installation_key", "keyed_digest"]

KEY_BYTES = 32
DIGEST_BYTES = 16


def installation_key(state_dir: Path) -> bytes:
    """The 32 random bytes in ``keys/installation.key`` (0600), made at first use; many processes may ask at once.

    :raises ConfigurationError: BW3103 when it cannot be written, BW3105 when the file is not a key.
    """
    path = prepare_state_dir(state_dir) / KEYS / "installation.key"
    if not path.exists():
        _create(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            "BW3105",
            "the installation key is damaged",
            where=str(path),
            why=f"it has {len(key)} bytes instead of {KEY_BYTES}",
            fix=f"restore it from a backup, or start over with a new one: rm {path}",
        )
    return key


def keyed_digest(key: bytes, *parts: str) -> str:
    """32 hex digits that stand for ``parts`` in order; without the key they cannot be guessed from the values."""
    digest = blake2b(key=key, digest_size=DIGEST_BYTES)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        # The length first: ("ab", "c") and ("a", "bc") are different things.
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def _create(path: Path) -> None:
    """Writes a complete file aside and links it into place, which only the first of several processes can do."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        os.write(descriptor, secrets.token_bytes(KEY_BYTES))
        os.fsync(descriptor)
        with suppress(FileExistsError):  # another process was first: its key is the key
            path.hardlink_to(draft)
    finally:
        os.close(descriptor)
        draft.unlink()
