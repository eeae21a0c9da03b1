"""Shell patterns over keys, the same for every cache backend: what ``scan`` takes and ``invalidate`` builds on."""

from __future__ import annotations

import fnmatch
import re

__all__ = ["escape_glob", "glob_regex"]

_TOKEN = re.compile(r"\\(?P<escaped>.)|\[(?P<negated>!?)(?P<set>(?:\\.|[^\]\\])+)\]|(?P<other>.)", re.DOTALL)


def escape_glob(text: str) -> str:
    """``text`` as a shell pattern that matches nothing else."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", text)


def glob_regex(pattern: str) -> re.Pattern[str]:
    """A shell pattern (``*``, ``?``, ``[…]``, ``[!…]``; a backslash escapes) as a regular expression for whole keys.

    It is rewritten for ``fnmatch``, which knows no backslash but compiles to expressions that do not backtrack, and
    lets a range that runs backwards match nothing.
    """
    return re.compile(fnmatch.translate(_TOKEN.sub(_for_fnmatch, pattern)))


def _for_fnmatch(token: re.Match[str]) -> str:
    if token["set"] is not None:
        members = re.sub(r"\\(.)", r"\1", token["set"], flags=re.DOTALL)
        return f"[{token['negated']}{_set_for_fnmatch(members)}]"
    if token["escaped"] is not None:
        return f"[{token['escaped']}]" if token["escaped"] in "*?[" else token["escaped"]
    # A bracket that never closes is a plain one.
    return "[[]" if token["other"] == "[" else token["other"]


def _set_for_fnmatch(members: str) -> str:
    """fnmatch takes ``]`` only as the first member of a set, and ``!`` only after another."""
    if "]" in members:
        members = "]" + members.replace("]", "")
    return members[1:] + "!" if members.startswith("!") and len(members) > 1 else members
