"""What errors have in common: their kind, entity, job, code and wording without its variable parts."""

from __future__ import annotations

import re
from hashlib import blake2b

__all__ = ["code_in", "fingerprint", "wording"]

MAX_WORDING = 400
"""Characters that are compared; a message that goes on is the same as one that goes on differently."""
MAX_SCANNED = 4_000

_CODE = re.compile(r"\bBW\d{4}\b")
_VARIABLE = re.compile(
    r"""
      [a-z][a-z0-9+.-]{1,15}://\S+                                    # an address on the web
    | [\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+                     # a mail address
    | \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b
    | (?<![\w])(?:/[\w.@+-]+){2,}/?                                   # a path
    | \b(?=[a-z]*\d)[0-9a-f]{6,}\b                                    # hexadecimal with a digit in it
    | '[^']*[\d\s@][^']*' | "[^"]*[\d\s@][^"]*"                       # quoted, and no single word: a value
    | \b[\w-]*\d[\w.:,-]*                                             # a number, or a word with one: E4711, 7s, 10:30
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BLANKS = re.compile(r"\s+")


def fingerprint(kind: str, entity_type: str | None, job: str | None, code: str, message: str) -> str:
    """16 characters; the same for errors that differ in numbers, ids, addresses, times and quoted values only."""
    text = "\0".join((kind, entity_type or "", job or "", code, wording(message)))
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def wording(message: str) -> str:
    """``message`` with its variable parts as ``#``; at most 400 characters."""
    text = _VARIABLE.sub("#", message[:MAX_SCANNED])
    return _BLANKS.sub(" ", text).strip()[:MAX_WORDING]


def code_in(message: str) -> str:
    """The first ``BW`` code a message names, or nothing."""
    found = _CODE.search(message)
    return found[0] if found else ""
