"""Trace and span ids, made from the ids of sessions, so that every process and every repeat gives the same."""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["span_id", "trace_id"]


def trace_id(session_id: str) -> bytes:
    """16 bytes: the session id itself where it is a UUID, so that a person finds one by the other."""
    text = session_id.replace("-", "")
    try:
        made = bytes.fromhex(text)
    except ValueError:
        made = b""
    return made if len(made) == 16 and any(made) else blake2b(session_id.encode(), digest_size=16).digest()


def span_id(session_id: str) -> bytes:
    """8 bytes."""
    return blake2b(session_id.encode(), digest_size=8, person=b"span").digest()
