"""One line of a journal: ``CRC32 JSON``, so that a damaged or torn line is known as such."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import orjson

from busway.events.event_codec import text_of
from busway.events.shortening import shortened

__all__ = ["MAX_BODY", "MAX_LINE", "checked_body", "decode_line", "encode_line", "framed"]

OPTIONS = orjson.OPT_NON_STR_KEYS
LARGEST = 2**63
MAX_LINE = 256 * 1024
"""Bytes; what a record has beyond that is cut."""
MAX_BODY = MAX_LINE - 10


def framed(body: bytes) -> bytes:
    """The line of a record that is JSON already, with its newline."""
    return b"%08x %b\n" % (crc32(body), body)


def encode_line(record: dict[str, Any]) -> bytes:
    """The line of a record. Never fails: what JSON cannot hold is written as text, what is too long is cut."""
    body = _body(record)
    if len(body) > MAX_BODY:
        body = shortened(orjson.loads(body), MAX_BODY)
    return framed(body)


def checked_body(line: bytes) -> bytes | None:
    """The JSON of a complete line; ``None`` when the checksum does not agree."""
    body = line[9:-1]
    try:
        return body if line[8:9] == b" " and int(line[:8], 16) == crc32(body) else None
    except ValueError:
        return None


def decode_line(line: bytes) -> dict[str, Any] | None:
    """The record of a complete line; ``None`` when it is damaged."""
    body = checked_body(line)
    if body is None:
        return None
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None


def _body(record: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(record, default=_as_plain, option=OPTIONS)
    except (TypeError, ValueError, RecursionError):
        return orjson.dumps(_printable(record, 0))


def _as_plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return list(value)
    return _text(text_of(value))


def _printable(value: Any, depth: int) -> Any:
    """The slow way, for lone surrogates, integers beyond 64 bits, unusual keys and nesting without end."""
    if depth > 40:
        return "[too deep]"
    if isinstance(value, dict):
        return {_text(text_of(key)): _printable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_printable(item, depth + 1) for item in value]
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int) and abs(value) < LARGEST:
        return int(value)
    return _text(text_of(value))


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()
