"""The stored form of an entry: a fixed binary header, metadata as JSON, the value as JSON.

======  =====  =====================================================================
offset  bytes  field (big-endian)
======  =====  =====================================================================
0       4      magic ``BWE`` and the format, 1
4       1      codec of the body: 1 = JSON
5       1      flags, 0 in this format
6       2      schema version
8       8      created, nanoseconds since the epoch
16      8      fresh until
24      8      kept until
32      8      generation
40      4      length of the metadata
44      4      length of the body
48      4      CRC-32 of the body
52      4      CRC-32 of the header before it and the metadata
56             metadata: ``{"source": …, "metadata": {…}}``
               body
======  =====  =====================================================================

The header says whether an entry is fresh without decoding the body, which is most of the cost of a large one. The
check sums are against accidents; against people there is the sealing of the file level.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple
from zlib import crc32

import orjson

from busway.contracts.caches import Entry
from busway.data.json_value import to_json

__all__ = ["Header", "UndecodableEntry", "assemble", "decode", "encode", "read_header", "read_metadata"]

MAGIC = b"BWE\x01"
CODEC_JSON = 1

_FIELDS = struct.Struct(">4sBBHqqqqIII")
_CHECK = struct.Struct(">I")
_WHOLE = struct.Struct(">4sBBHqqqqIIII")
HEADER_SIZE = _WHOLE.size
CHECKED_SIZE = _FIELDS.size


class UndecodableEntry(Exception):  # noqa: N818 - a condition the levels count as a miss, not an error of anybody
    """The bytes are not an entry of this format: cut short, altered, foreign, or of another version."""


class Header(NamedTuple):
    """What is known about an entry without decoding its body. A tuple: one is made at every read."""

    schema_version: int
    created_at_ns: int
    fresh_until_ns: int
    kept_until_ns: int
    generation: int
    codec: int
    flags: int
    metadata_length: int
    body_length: int
    body_check: int


def encode(entry: Entry) -> bytes:
    """``entry`` as bytes. Raises ``UsageError`` BW2003 when its value or metadata are not JSON."""
    body, _ = to_json(entry.value, entry.source or "an entry")
    return assemble(entry, body)


def assemble(entry: Entry, body: bytes) -> bytes:
    """``entry`` as bytes, for a caller that already has the JSON of its value."""
    about, _ = to_json({"source": entry.source, "metadata": dict(entry.metadata)}, "the metadata")
    fields = _FIELDS.pack(
        MAGIC,
        CODEC_JSON,
        0,
        entry.schema_version,
        entry.created_at_ns,
        entry.fresh_until_ns,
        entry.kept_until_ns,
        entry.generation,
        len(about),
        len(body),
        crc32(body),
    )
    return b"".join((fields, _CHECK.pack(crc32(about, crc32(fields))), about, body))


def read_header(raw: bytes) -> Header:
    """The header of ``raw``, checked. Raises :class:`UndecodableEntry`."""
    if len(raw) < HEADER_SIZE:
        raise UndecodableEntry("shorter than a header")
    magic, codec, flags, schema, created, fresh, kept, generation, about_length, body_length, body_check, check = (
        _WHOLE.unpack_from(raw)
    )
    if magic != MAGIC or codec != CODEC_JSON or flags:
        raise UndecodableEntry("another format, codec or flag")
    if len(raw) != HEADER_SIZE + about_length + body_length:
        raise UndecodableEntry("not as long as its header says")
    if check != crc32(_about(raw, about_length), crc32(raw[:CHECKED_SIZE])):
        raise UndecodableEntry("header or metadata altered")
    return Header(schema, created, fresh, kept, generation, codec, flags, about_length, body_length, body_check)


def read_metadata(raw: bytes) -> dict[str, Any]:
    """What is known about the entry in ``raw`` besides its value, which is not looked at.

    ``schema_version``, ``ttl`` (seconds), ``created_at`` (nanoseconds since the epoch), ``source``, and ``metadata``,
    the caller's own. Raises :class:`UndecodableEntry`.
    """
    header = read_header(raw)
    source, metadata = _said(raw, header)
    return {
        "schema_version": header.schema_version,
        "ttl": (header.fresh_until_ns - header.created_at_ns) / 1_000_000_000,
        "created_at": header.created_at_ns,
        "source": source,
        "metadata": metadata,
    }


def decode(raw: bytes, header: Header | None = None) -> Entry:
    """The entry in ``raw``. Raises :class:`UndecodableEntry`, and nothing else, whatever the bytes are.

    :param header: what :func:`read_header` said about ``raw``, for who asked it already.
    """
    header = header or read_header(raw)
    body = memoryview(raw)[HEADER_SIZE + header.metadata_length :]
    if crc32(body) != header.body_check:
        raise UndecodableEntry("body altered")
    source, metadata = _said(raw, header)
    try:
        value = orjson.loads(body)
    except ValueError as error:
        raise UndecodableEntry("the body is not JSON") from error
    schema, created, fresh, kept, generation, *_ = header
    return Entry(value, schema, created, fresh, kept, source, metadata, generation)


def _said(raw: bytes, header: Header) -> tuple[str, dict[str, Any]]:
    """Source and metadata."""
    try:
        about: dict[str, Any] = orjson.loads(_about(raw, header.metadata_length))
        return about["source"], about["metadata"]
    except (ValueError, KeyError, TypeError) as error:
        raise UndecodableEntry("the metadata are not JSON of this format") from error


def _about(raw: bytes, length: int) -> bytes:
    return raw[HEADER_SIZE : HEADER_SIZE + length]
