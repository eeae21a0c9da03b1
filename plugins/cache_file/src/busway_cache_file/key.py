"""The key that seals the files: given by configuration, or made once and kept for the owner alone."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import threading
from pathlib import Path

from busway.contracts.settings import Secret
from busway.errors import ConfigurationError
from busway_cache_file.folders import make_private

__all__ = ["KEY_BYTES", "FileKey"]

KEY_BYTES = 32


class FileKey:
    """Resolves the key when it is first needed: a secret may come from a vault, and factories do not connect."""

    def __init__(self, secret: Secret | None, state_dir: Path) -> None:
        self._secret = secret
        self._path = state_dir / "keys" / "file-cache.key"
        self._lock = threading.Lock()
        self._key: bytes | None = None

    def get(self) -> bytes:
        """The 32 bytes. Raises ``ConfigurationError`` BW2010 when the setting or the key file is no key."""
        with self._lock:
            if self._key is None:
                self._key = self._from_setting() if self._secret is not None else self._from_file()
            return self._key

    def _from_setting(self) -> bytes:
        text = self._secret.get_secret_value() if self._secret is not None else ""
        return _decoded(text, "setting FILE_CACHE_KEY")

    def _from_file(self) -> bytes:
        try:
            return _decoded(self._path.read_text("ascii", errors="replace"), str(self._path))
        except FileNotFoundError:
            self._make()
            return _decoded(self._path.read_text("ascii", errors="replace"), str(self._path))

    def _make(self) -> None:
        """Written aside and linked into place: of two processes that start together, both read the same key."""
        make_private(self._path.parent)
        aside = self._path.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(aside, self._path)
        finally:
            aside.unlink(missing_ok=True)


def _decoded(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip().translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            "BW2010",
            "the key of the file cache is not 32 bytes in base64",
            where=where,
            why="the files are sealed with AES-256",
            fix="make one: openssl rand -base64 32",
        )
    return key
