"""The body of an answer, without what may be somebody's data.

Answers repeat what was sent: a refused user is in the 422 that refuses it. What may be kept is the shape, and the
sentences in the few fields that remotes write their complaints into, without the values quoted there.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

__all__ = ["redacted_body", "request_id_in", "without_values"]

_QUOTED = re.compile(r'"[^"]*"|“[^”]*”|`[^`]*`|(?<!\w)\'[^\']*\'(?!\w)')
_TELLING = re.compile(r"\S*@\S*|\S*\d{4,}\S*")
_CODE = re.compile(r"[A-Za-z][A-Za-z_.]{0,79}")
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_NAME = re.compile(r"@?[A-Za-z0-9_.]{1,64}")
_SENTENCES = frozenset({"message", "errors", "error", "innerError"})
"""Fields of an error answer whose texts are the remote's own words."""
_CODES = frozenset({"code", "error"})
_IDS = ("requestId", "request-id")
_LONGEST_TEXT = 200
_LONGEST_BODY = 1000
_MOST_ITEMS = 20


def redacted_body(body: bytes) -> str:
    """JSON with the remote's own sentences and the types of everything else; other bodies by kind and size.

    At most 1,000 characters: ``{"message":"The email has already been taken.","data":"<list of 25>"}``.
    """
    if not body.strip():
        return ""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        kind = "HTML" if body.lstrip()[:1] == b"<" else "text"
        return f"<{len(body):,} bytes of {kind}>"
    return orjson.dumps(_shown(parsed, told=False)).decode()[:_LONGEST_BODY]


def request_id_in(body: bytes) -> str:
    """The remote's name for the call where it is in the body: ``requestId``, or ``error.innerError.request-id``."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    while isinstance(parsed, dict):
        found = next((parsed[name] for name in _IDS if isinstance(parsed.get(name), str)), "")
        if found:
            return found if _ID.fullmatch(found) else ""
        parsed = parsed.get("error") or parsed.get("innerError")
    return ""


def without_values(text: str) -> str:
    """A sentence without what may be the record's own data: quoted parts, addresses, long numbers."""
    return _TELLING.sub("…", _QUOTED.sub("…", text))[:_LONGEST_TEXT]


def _shown(value: Any, *, told: bool) -> Any:
    if isinstance(value, dict):
        named = [(name, inner) for name, inner in value.items() if _NAME.fullmatch(name)]
        return {name: _field(name, inner, told=told) for name, inner in named[:_MOST_ITEMS]}
    if isinstance(value, list):
        return [_shown(inner, told=told) for inner in value[:_MOST_ITEMS]] if told else f"<list of {len(value)}>"
    if isinstance(value, str):
        return without_values(value) if told else "<text>"
    return value if value is None or isinstance(value, bool) else "<number>"


def _field(name: str, value: Any, *, told: bool) -> Any:
    if name in _CODES and isinstance(value, str) and _CODE.fullmatch(value):
        return value
    return _shown(value, told=told or name in _SENTENCES)
