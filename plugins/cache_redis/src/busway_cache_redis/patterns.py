"""Shell patterns, as the contract of cache backends has them, for a server whose own are of bytes."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["Pattern"]

_TOKEN = re.compile(
    r"\\(?P<escaped>.)|(?P<any>\*+)|(?P<one>\?)|\[(?P<not>!?)(?P<set>(?:\\.|[^\]\\])+)\]|(?P<plain>.)", re.S
)


class Pattern:
    """A shell pattern over whole keys; a backslash escapes.

    ``asked`` is what the server is asked for. Where its patterns would mean something else (it counts bytes, and its
    sets know no ``!``) that is a wider one, and ``matches`` decides.
    """

    def __init__(self, pattern: str) -> None:
        tokens = [*_TOKEN.finditer(pattern)]
        self.asked = "".join(_asked(token) for token in tokens)
        self.matches: Callable[[str], object] = re.compile("".join(_regex(token) for token in tokens), re.S).fullmatch


def _asked(token: re.Match[str]) -> str:
    if token["any"] or token["one"] or token["set"]:
        return "*"
    character = token["escaped"] or token["plain"]
    return f"\\{character}" if character in "*?[]\\" else character


def _regex(token: re.Match[str]) -> str:
    if token["any"]:
        return ".*"
    if token["one"]:
        return "."
    if token["set"]:
        members = re.sub(r"\\(.)", r"\1", token["set"], flags=re.S)
        return "[" + ("^" if token["not"] else "") + re.sub(r"([\\\[\]^&~|])", r"\\\1", members) + "]"
    return re.escape(token["escaped"] or token["plain"])
