"""The sealed file: two boxes of AES-256-GCM, the head with the key of the entry, the body with its bytes.

======  ======================================================================
bytes   field
======  ======================================================================
4       magic ``BWF`` and the format, 2
8       id of the sealing key: which key, without a hint what it is
12      nonce of both boxes, which have keys of their own
4       length of the head box (big-endian)
…       head box: expiry, full key; bound to magic and key id
…       body box: flags, expiry, the entry, compressed or not; bound to all before it and to the full key
======  ======================================================================

A hit opens the body alone, which is bound to all the rest; the head is for those who look for keys. A file that was
changed, cut, sealed with another key, or moved to the place of another entry does not open. The full key has the
schema version in it, so the file is bound to that, too. The algorithm is fixed by the format and never read from the
data. Sealing says who wrote a file, not when: who may write to the folder can put an older copy of a file back.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
import threading
from dataclasses import dataclass
from functools import lru_cache

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

__all__ = ["Head", "Sealer", "UnsealableError", "head_size", "key_bytes"]

MAGIC = b"BWF\x02"
NONCE = 12
COMPRESSED = 1
COMPRESS_ABOVE = 4_096
FAST = -1
"""Level of compression: half as large again as level 1, and read back in two thirds of the time."""
PREFIX = len(MAGIC) + 8
NAMES_KEPT = 4_096

_LENGTH = struct.Struct(">I")
_EXPIRY = struct.Struct(">q")
_BODY = struct.Struct(">Bq")
_unpack_body = _BODY.unpack_from
LENGTH_AT = PREFIX + NONCE
FIXED = LENGTH_AT + _LENGTH.size
TAG = 16
BESIDE_KEY = FIXED + _EXPIRY.size + TAG
"""Bytes before the body of a file, without those of the full key."""


class UnsealableError(Exception):
    """The bytes are not a file this key has sealed for this entry; ``reason`` is one word for the counter."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Head:
    """What a file says about its entry before the body is opened."""

    key: str
    expires_at_ns: int


def head_size(raw: bytes) -> int:
    """Bytes before the body, as the beginning of a file has it; 0 when it is no beginning of one."""
    return FIXED + _LENGTH.unpack_from(raw, LENGTH_AT)[0] if len(raw) >= FIXED else 0


class Sealer:
    """Seals and opens files with keys derived from one secret of 32 bytes, apart for each ``purpose``."""

    def __init__(self, secret: bytes, purpose: str = "entries") -> None:
        label = f"busway file cache 2, {purpose}: ".encode()
        self._head_box = AESGCM(_derived(secret, label + b"head"))
        self._body_box = AESGCM(_derived(secret, label + b"body"))
        self._open_body = self._body_box.decrypt
        # Names and key id are those of format 1, whose files are thereby found, counted and removed.
        self._name_key = _derived(secret, b"busway file cache: names")
        self._prefix = MAGIC + _derived(secret, b"busway file cache: key id")[:8]
        self.name = lru_cache(NAMES_KEPT)(self._name)
        """The file name for a key: a keyed hash, so that a listing of the folder tells nothing."""

    def seal(self, key: str, entry: bytes, expires_at_ns: int) -> bytes:
        """The file for ``entry``."""
        flags, packed = _compressed(entry)
        nonce, bound = secrets.token_bytes(NONCE), key_bytes(key)
        head = self._head_box.encrypt(nonce, _EXPIRY.pack(expires_at_ns) + bound, self._prefix)
        before = b"".join((self._prefix, nonce, _LENGTH.pack(len(head)), head))
        body = b"".join((_BODY.pack(flags, expires_at_ns), packed))
        return before + self._body_box.encrypt(nonce, body, before + bound)

    def open(self, raw: bytes, key: bytes) -> tuple[int, bytes]:
        """Expiry (nanoseconds) and entry of the file of a key, given in bytes. Raises :class:`UnsealableError`.

        Nothing is looked at before the box is open: magic, key id and length of the head are bound to it, and a file
        of this key has them where they are expected.
        """
        size = BESIDE_KEY + len(key)
        try:
            # ValueError: a box that is too short to be one; OverflowError: one longer than any of ours.
            body = self._open_body(raw[PREFIX:LENGTH_AT], raw[size:], raw[:size] + key)
        except (InvalidTag, ValueError, OverflowError) as error:
            raise UnsealableError(self._shut(raw, key)) from error
        flags, expires_at_ns = _unpack_body(body)
        if not flags:
            return expires_at_ns, body[_BODY.size :]
        return expires_at_ns, _inflated(memoryview(body)[_BODY.size :])

    def open_head(self, raw: bytes) -> Head:
        """The head of a file of which ``raw`` is at least the beginning. Raises :class:`UnsealableError`."""
        if raw[:PREFIX] != self._prefix or len(raw) < FIXED:
            raise UnsealableError(self._foreign(raw))
        size = head_size(raw)
        if len(raw) < size:
            raise UnsealableError("cut")
        try:
            head = self._head_box.decrypt(raw[PREFIX:LENGTH_AT], raw[FIXED:size], self._prefix)
        except (InvalidTag, ValueError) as error:
            raise UnsealableError("tampered") from error
        return Head(head[_EXPIRY.size :].decode("utf-8", "surrogatepass"), _EXPIRY.unpack_from(head)[0])

    def _foreign(self, raw: bytes) -> str:
        if raw[:3] != MAGIC[:3]:
            return "foreign"
        if raw[3:4] != MAGIC[3:]:
            return "other_format"
        return "cut" if len(raw) < FIXED else "other_key"

    def _shut(self, raw: bytes, key: bytes) -> str:
        """Why a body did not open, as far as the head tells."""
        try:
            return "tampered" if key_bytes(self.open_head(raw).key) == key else "moved"
        except UnsealableError as error:
            return error.reason

    def _name(self, key: str) -> str:
        return hashlib.blake2b(key_bytes(key), digest_size=24, key=self._name_key).hexdigest()


class _Inflater(threading.local):
    """One per thread: it takes five times as long to make one as to use it, and two threads cannot share it."""

    def __init__(self) -> None:
        self.decompress = zstandard.ZstdDecompressor().decompress


_inflater = _Inflater()


def _inflated(body: memoryview) -> bytes:
    try:
        return _inflater.decompress(body)
    except zstandard.ZstdError as error:
        raise UnsealableError("compression") from error


def _compressed(entry: bytes) -> tuple[int, bytes]:
    if len(entry) <= COMPRESS_ABOVE:
        return 0, entry
    smaller = zstandard.ZstdCompressor(level=FAST).compress(entry)
    return (COMPRESSED, smaller) if len(smaller) < len(entry) else (0, entry)


def key_bytes(key: str) -> bytes:
    """A key, whatever is in it."""
    return key.encode("utf-8", "surrogatepass")


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDFExpand(SHA256(), 32, purpose).derive(secret)
