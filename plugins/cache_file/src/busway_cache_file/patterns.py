"""Shell patterns with a backslash that escapes, as the contract of cache backends has them; fnmatch knows none."""

from __future__ import annotations

import re

__all__ = ["shell_regex"]

_TOKEN = re.compile(
    r"\\(?P<escaped>.)|(?P<any>\*+)|(?P<one>\?)|\[(?P<not>!?)(?P<set>(?:\\.|[^\]\\])+)\]|(?P<plain>.)", re.S
)


def shell_regex(pattern: str) -> re.Pattern[str]:
    """``pattern`` as a regular expression for whole keys."""
    return re.compile(f"(?s:{_TOKEN.sub(_piece, pattern)})\\Z")


def _piece(token: re.Match[str]) -> str:
    if token["any"]:
        return ".*"
    if token["one"]:
        return "."
    if token["set"]:
        members = re.sub(r"\\(.)", r"\1", token["set"], flags=re.S)
        return "[" + ("^" if token["not"] else "") + re.sub(r"([\\\[\]^&~|])", r"\\\1", members) + "]"
    return re.escape(token["escaped"] or token["plain"])
