"""Names and keys: what a caller says, and the key an entry is stored under.

A name is ``domain.entity`` (``vista.employees``); a plain name is a domain with the entity ``_``. An entry's full
key is ``{app}:v{schema}:{domain}:{entity}:{id}``, its id percent-encoded, so that a full key is short ASCII without
blanks, whatever the caller's key was.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from busway.contracts.patterns import escape_glob, glob_regex
from busway.errors import UsageError

__all__ = [
    "SCHEMA_VERSION",
    "KeySchema",
    "Name",
    "decode_id",
    "encode_id",
    "escape_glob",
    "glob_regex",
    "parse_name",
    "quote_key",
]

SCHEMA_VERSION = 1
"""Version of the stored form; part of every key, so that two versions of Busway never read each other's entries."""

NO_ENTITY = "_"
DEFAULT_ID = "_"
EMPTY_ID = "%"
"""The id of the empty key: no other key gives it, since encoding writes two digits after every ``%``."""
LONGEST_ID = 200
KEPT_OF_LONG_ID = 120

_DOMAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Name:
    """A domain and an entity of it."""

    domain: str
    entity: str = NO_ENTITY

    def __str__(self) -> str:
        return self.domain if self.entity == NO_ENTITY else f"{self.domain}.{self.entity}"


def parse_name(name: str) -> Name:
    """The parts of ``name``. Raises ``UsageError`` BW2001 when it is not ``domain`` or ``domain.entity``."""
    if not isinstance(name, str):
        raise invalid_name(f"a cache name is text, not {type(name).__name__}")
    return _parts(name)


@lru_cache(maxsize=4096)
def _parts(name: str) -> Name:
    domain, dot, entity = name.partition(".")
    if not _DOMAIN.match(domain) or (dot and entity != NO_ENTITY and not _DOMAIN.match(entity)):
        raise invalid_name(f"{name[:80]!r} is not a name of cached data")
    return Name(domain, entity or NO_ENTITY)


def invalid_name(what: str, fix: str = "") -> UsageError:
    """The error for a name, key or pattern that has no place in the key schema."""
    return UsageError(
        "BW2001",
        what,
        why="a name is domain.entity or domain: letters, digits, _ and -, at most 64 characters each",
        fix=fix or "write for example vista.employees, and put what varies into the key",
    )


def encode_id(key: str | None) -> str:
    """The id of ``key`` as it stands in a full key; ``None`` means the only value of its name.

    Keys that would be longer than 200 characters keep their first 120 and end in ``~`` and a SHA-256. No other id
    contains ``~``, so a hashed one is never mistaken for a written one.
    """
    if key is None:
        return DEFAULT_ID
    if not isinstance(key, str):
        raise invalid_name(f"a cache key is text, not {type(key).__name__}", fix="pass str(key)")
    encoded = quote_key(key)
    if len(encoded) > LONGEST_ID:
        kept = re.sub(r"%.?\Z", "", encoded[:KEPT_OF_LONG_ID])
        return f"{kept}~{hashlib.sha256(encoded.encode()).hexdigest()}"
    return encoded or EMPTY_ID


def quote_key(key: str) -> str:
    """``key`` percent-encoded, character by character: what a key begins with, its encoded form begins with."""
    return quote(key, safe="", errors="surrogatepass").replace("~", "%7E")


def decode_id(encoded: str) -> str:
    """The key an id was made of; of a hashed one, its beginning and the hash."""
    if encoded == EMPTY_ID:
        return ""
    try:
        return unquote(encoded, errors="surrogatepass")
    except UnicodeDecodeError:  # a long key, cut in the middle of a character
        return unquote(encoded, errors="replace")


@dataclass(frozen=True, slots=True)
class KeySchema:
    """Builds and takes apart the full keys of one application."""

    app: str
    version: int = SCHEMA_VERSION

    @property
    def prefix(self) -> str:
        """What every full key of this application begins with."""
        return f"{encode_id(self.app)}:v{self.version}:"

    def full_key(self, name: Name, key: str | None) -> str:
        """``{app}:v{schema}:{domain}:{entity}:{id}``."""
        return f"{self.prefix}{name.domain}:{name.entity}:{encode_id(key)}"

    def readable(self, full_key: str) -> str:
        """``domain:entity:key`` of a full key, the key as the caller wrote it: what patterns are matched with."""
        domain, entity, encoded = full_key.removeprefix(self.prefix).split(":", 2)
        return f"{domain}:{entity}:{decode_id(encoded)}"
