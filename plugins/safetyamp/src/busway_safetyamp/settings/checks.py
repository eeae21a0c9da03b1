"""What makes a value of a setting usable."""

from __future__ import annotations

import re
from string import Formatter
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from busway_safetyamp.remote.loopback import is_loopback

__all__ = ["NONE", "address", "column", "mapped", "matching", "parts", "pattern", "template", "zone"]

NONE = "none"
"""What is written for "nothing" where an empty value would mean "the default"."""
_COLUMN = re.compile(r"[A-Za-z_]\w*")


def address(value: str, example: str, *, loopback_http: bool = True) -> str:
    """An address of HTTPS, or of HTTP on this machine, without a slash at its end. Raises ``ValueError``."""
    split = urlsplit(value)
    if split.scheme not in ("http", "https") or not split.hostname or split.username or split.query or split.fragment:
        raise ValueError(f"an address such as {example}, without user, password or query")
    if split.scheme == "http" and not (loopback_http and is_loopback(value)):
        here = " (http works on this machine only)" if loopback_http else ""
        raise ValueError(f"http would send the key in the clear: use https{here}")
    return value.rstrip("/")


def zone(value: str) -> str:
    """An IANA time zone. Raises ``ValueError``."""
    try:
        ZoneInfo(value)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError("not an IANA time zone known to this machine, such as America/Chicago") from error
    return value


def column(value: str) -> str:
    """Name of a column; empty for ``none``. Raises ``ValueError``."""
    if value.lower() in ("", NONE):
        return ""
    if not _COLUMN.fullmatch(value):
        raise ValueError(f"the name of a column, or {NONE}")
    return value


def parts(value: Any) -> Any:
    """The parts of a text separated by commas; anything else as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def matching(value: list[str], form: str, example: str) -> list[str]:
    """``value``, when each part is of the ``form``, and none is said twice. Raises ``ValueError``."""
    if not all(re.fullmatch(form, part) for part in value):
        raise ValueError(f"each part is written like {example}")
    names = [re.split("[=:]", part)[0] for part in value]
    if "=" in example and len(set(names)) != len(names):
        raise ValueError("something is said twice")
    return value


def mapped(value: list[str]) -> dict[str, str]:
    """``["a=1"]`` as ``{"a": "1"}``."""
    return {name.strip(): text.strip() for name, _, text in (part.partition("=") for part in value)}


def pattern(value: str) -> str:
    """A regular expression with at most one group. Raises ``ValueError``."""
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise ValueError(f"not a regular expression: {error.msg}") from error
    if groups > 1:
        raise ValueError("a regular expression with one group at most: what it matches is the number")
    return value


def template(value: str, *names: str) -> str:
    """A text with ``{name}`` for each of ``names`` and no other braces. Raises ``ValueError``."""
    complaint = f"a text with {', '.join(f'{{{name}}}' for name in names)} and no other braces"
    try:
        fields = list(Formatter().parse(value))
    except ValueError as error:
        raise ValueError(complaint) from error
    for _, name, specification, conversion in fields:
        if name is not None and (name not in names or specification or conversion):
            raise ValueError(complaint)
    return value
