"""The keys that seal the files: given by configuration, or one made once and kept for the owner alone."""

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
    """Resolves the keys when they are first needed: a secret may come from a vault, and factories do not connect.

    :param state_dir: where the key is kept that is made when ``secret`` is ``None``.
    :param folder: the folder of the sealed files, in which no such key may lie.
    """

    def __init__(self, secret: Secret | None, state_dir: Path, folder: Path | None = None) -> None:
        self._secret = secret
        self._path = state_dir / "keys" / "file-cache.key"
        self._folder = folder
        self._lock = threading.Lock()
        self._keys: tuple[bytes, ...] = ()

    @property
    def path(self) -> Path | None:
        """The file of the key that is made; ``None`` when the keys are given."""
        return self._path if self._secret is None else None

    def get(self) -> tuple[bytes, ...]:
        """Keys of 32 bytes: the first seals, each opens what it has sealed.

        Raises ``ConfigurationError`` BW2010 when the setting or the key file holds something else, BW2035 when the key
        would be kept among the files it seals.
        """
        with self._lock:
            if not self._keys:
                self._keys = self._from_setting() if self._secret is not None else self._from_file()
            return self._keys

    def _from_setting(self) -> tuple[bytes, ...]:
        text = self._secret.get_secret_value() if self._secret is not None else ""
        return _decoded(text, "setting FILE_CACHE_KEY")

    def _from_file(self) -> tuple[bytes, ...]:
        self._check_apart()
        try:
            return _decoded(self._path.read_text("ascii", errors="replace"), str(self._path))
        except FileNotFoundError:
            self._make()
            return _decoded(self._path.read_text("ascii", errors="replace"), str(self._path))

    def _check_apart(self) -> None:
        """Whoever is given the folder of the files, or a copy of it, is not to be given the key."""
        if self._folder is not None and self._path.resolve().is_relative_to(self._folder.resolve()):
            raise ConfigurationError(
                "BW2035",
                "the key of the file cache would lie in the folder of the files it seals",
                where=str(self._folder),
                why="a copy of the folder would come with its key",
                fix="set FILE_CACHE_DIR to a folder of its own, or give the key with FILE_CACHE_KEY",
            )

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


def _decoded(text: str, where: str) -> tuple[bytes, ...]:
    keys = tuple(_key(word) for word in text.split())
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise ConfigurationError(
            "BW2010",
            "the key of the file cache is not 32 bytes in base64",
            where=where,
            why="the files are sealed with AES-256",
            fix="make one: openssl rand -base64 32; to change it, write the new one before the old, with a blank",
        )
    return tuple(dict.fromkeys(keys))


def _key(word: str) -> bytes:
    try:
        return base64.b64decode(word.translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, ValueError):
        return b""
