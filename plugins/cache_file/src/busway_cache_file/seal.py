"""The sealed file: two boxes of AES-256-GCM, the head with the key of the entry, the body with its bytes.

======  ======================================================================
bytes   field
======  ======================================================================
4       magic ``BWF`` and the format, 1
8       id of the sealing key: which key, without a hint what it is
12      nonce of the head
4       length of the head box (big-endian)
…       head box: flags, expiry, full key; bound to magic and key id
12      nonce of the body
…       body box: the entry, compressed or not; bound to all before it and to the full key
======  ======================================================================

A file that was changed, cut, sealed with another key, or moved to the place of another entry does not open. The
algorithm is fixed by the format and never read from the data.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
from dataclasses import dataclass

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

__all__ = ["Head", "Sealer", "UnsealableError"]

MAGIC = b"BWF\x01"
NONCE = 12
COMPRESSED = 1
COMPRESS_ABOVE = 4_096
LONGEST_HEAD = 65_536
_LENGTH = struct.Struct(">I")
_HEAD = struct.Struct(">Bq")
PREFIX = len(MAGIC) + 8
FIXED = PREFIX + NONCE + _LENGTH.size


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
    flags: int
    size: int
    """Bytes before the body's nonce."""


class Sealer:
    """Seals and opens files with keys derived from one secret of 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._box = AESGCM(_derived(secret, b"busway file cache: seal"))
        self._name_key = _derived(secret, b"busway file cache: names")
        self._prefix = MAGIC + _derived(secret, b"busway file cache: key id")[:8]

    def name(self, key: str) -> str:
        """The file name for ``key``: a keyed hash, so that a listing of the folder tells nothing."""
        return hashlib.blake2b(_bytes(key), digest_size=24, key=self._name_key).hexdigest()

    def seal(self, key: str, entry: bytes, expires_at_ns: int) -> bytes:
        """The file for ``entry``."""
        flags, body = _compressed(entry)
        nonce = secrets.token_bytes(NONCE)
        head = self._box.encrypt(nonce, _HEAD.pack(flags, expires_at_ns) + _bytes(key), self._prefix)
        before = b"".join((self._prefix, nonce, _LENGTH.pack(len(head)), head))
        nonce = secrets.token_bytes(NONCE)
        return b"".join((before, nonce, self._box.encrypt(nonce, body, before + _bytes(key))))

    def open_head(self, raw: bytes) -> Head:
        """The head of a file of which ``raw`` is at least the beginning. Raises :class:`UnsealableError`."""
        if len(raw) < FIXED or not raw.startswith(MAGIC):
            raise UnsealableError("foreign")
        if raw[:PREFIX] != self._prefix:
            raise UnsealableError("other_key")
        (length,) = _LENGTH.unpack_from(raw, PREFIX + NONCE)
        if length > LONGEST_HEAD or len(raw) < FIXED + length:
            raise UnsealableError("cut")
        head = self._decrypt(raw[PREFIX : PREFIX + NONCE], raw[FIXED : FIXED + length], self._prefix)
        flags, expires_at_ns = _HEAD.unpack_from(head)
        key = head[_HEAD.size :].decode("utf-8", "surrogatepass")
        return Head(key, expires_at_ns, flags, FIXED + length)

    def open(self, raw: bytes, key: str) -> tuple[Head, bytes]:
        """Head and entry of a whole file that lies at the place of ``key``. Raises :class:`UnsealableError`."""
        head = self.open_head(raw)
        if head.key != key:
            raise UnsealableError("moved")
        nonce, box = raw[head.size : head.size + NONCE], raw[head.size + NONCE :]
        body = self._decrypt(nonce, box, raw[: head.size] + _bytes(key))
        if not head.flags & COMPRESSED:
            return head, body
        try:
            return head, zstandard.ZstdDecompressor().decompress(body)
        except zstandard.ZstdError as error:
            raise UnsealableError("compression") from error

    def _decrypt(self, nonce: bytes, box: bytes, bound_to: bytes) -> bytes:
        try:
            return self._box.decrypt(nonce, box, bound_to)
        except (InvalidTag, ValueError) as error:  # ValueError: a nonce or box that is too short to be one
            raise UnsealableError("tampered") from error


def _compressed(entry: bytes) -> tuple[int, bytes]:
    if len(entry) <= COMPRESS_ABOVE:
        return 0, entry
    smaller = zstandard.ZstdCompressor(level=1).compress(entry)
    return (COMPRESSED, smaller) if len(smaller) < len(entry) else (0, entry)


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDFExpand(SHA256(), 32, purpose).derive(secret)
