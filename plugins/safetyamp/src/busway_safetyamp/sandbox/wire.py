"""HTTP/1.1 as far as the sandbox needs it: one request in, one answer out.

``http.server`` parses headers with the ``email`` package and writes an answer in several pieces; both cost more
than all the sandbox has to do for a call. What is not needed (chunked bodies, continuation lines, upgrades) is
refused, not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from io import BufferedIOBase
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

__all__ = ["Answer", "Ending", "MalformedRequestError", "Request", "error_answer", "read_request"]

_LONGEST_LINE = 65_536
_MOST_HEADERS = 100
_LARGEST_BODY = 8 * 1024 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class MalformedRequestError(Exception):
    """Bytes that are no request the sandbox understands; the connection ends after the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


class Ending(Enum):
    """What happens to the connection with an answer."""

    KEEP = "keep"
    CUT = "cut"
    """Half of the body is sent, then the connection is closed."""
    RESET = "reset"
    """Nothing is sent and the connection is reset."""
    HANG = "hang"
    """Nothing is sent and the connection stays open."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    ending: Ending = Ending.KEEP
    pace: float = 0.0
    """Seconds before each byte of the body; 0 sends all at once."""

    def render(self, date: str, *, keep_alive: bool, with_body: bool = True) -> bytes:
        """The bytes to send, in one piece; ``date`` is the value of the ``Date`` header."""
        lines = [
            f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Unknown')}",
            f"Date: {date}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            f"Connection: {'keep-alive' if keep_alive else 'close'}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        if self.ending is Ending.CUT:
            return head + self.body[: len(self.body) // 2]
        return head + self.body if with_body else head


def error_answer(status: int, message: str) -> Answer:
    """An answer that only says what is wrong."""
    return Answer(status, orjson.dumps({"message": message}))


def read_request(stream: BufferedIOBase) -> Request | None:
    """The next request, or None when the peer has closed. Raises :class:`MalformedRequestError`."""
    line = stream.readline(_LONGEST_LINE)
    if not line:
        return None
    parts = line.decode("latin-1").split()
    if len(parts) != 3 or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise MalformedRequestError(400, "This is not an HTTP/1.1 request.")
    headers = _read_headers(stream)
    path, query = _split_target(parts[1])
    keep_alive = parts[2] == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return Request(parts[0], path, query, headers, _read_body(stream, headers), keep_alive)


def _split_target(target: str) -> tuple[str, dict[str, str]]:
    if "?" not in target and "%" not in target:
        return target, {}
    try:
        parts = urlsplit(target)
    except ValueError:
        raise MalformedRequestError(400, "The request target is malformed.") from None
    return unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))


def _read_headers(stream: BufferedIOBase) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = stream.readline(_LONGEST_LINE)
        if line in (b"\r\n", b"\n"):
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or name != name.strip() or not line.endswith(b"\n"):
            raise MalformedRequestError(400, "A header line is malformed.")
        headers[name.lower()] = value.strip()
    raise MalformedRequestError(431, "There are too many headers.")


def _read_body(stream: BufferedIOBase, headers: dict[str, str]) -> bytes:
    if "transfer-encoding" in headers:
        raise MalformedRequestError(411, "A Content-Length is required.")
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise MalformedRequestError(400, "The Content-Length is malformed.")
    length = int(text) if len(text) < 12 else _LARGEST_BODY + 1
    if length > _LARGEST_BODY:
        raise MalformedRequestError(413, "The body is too large.")
    body = stream.read(length) if length else b""
    if len(body) < length:
        raise MalformedRequestError(400, "The body ended early.")
    return body


def count_in(text: str | None, default: int, *, least: int = 0) -> int | None:
    """The whole number in a query; ``default`` where there is none, and None for what is no number."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < least:
        return None
    return int(text)
