"""One line of a journal: ``CRC32 JSON``, so that a damaged or torn line is known as such."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import orjson

__all__ = ["checked_body", "decode_line", "encode_line"]

OPTIONS = orjson.OPT_NON_STR_KEYS
LARGEST = 2**63


def encode_line(record: dict[str, Any]) -> bytes:
    """The line with its newline. Never fails: what JSON cannot hold is written as text."""
    try:
        body = orjson.dumps(record, default=_as_plain, option=OPTIONS)
    except (TypeError, ValueError, RecursionError):
        body = orjson.dumps(_printable(record, 0))
    return b"%08x %b\n" % (crc32(body), body)


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


def _as_plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return list(value)
    return str(value)


def _printable(value: Any, depth: int) -> Any:
    """The slow way, for lone surrogates, integers beyond 64 bits, unusual keys and nesting without end."""
    if depth > 40:
        return "[too deep]"
    if isinstance(value, dict):
        return {_text(str(key)): _printable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_printable(item, depth + 1) for item in value]
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int) and abs(value) < LARGEST:
        return int(value)
    return _text(str(value))


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()
