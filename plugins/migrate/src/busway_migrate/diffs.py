"""Unified diffs that keep the truth about line ends: what only differs in them is shown, and a lone CR ends no line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["diff_lines"]


def diff_lines(path: Path, old: bytes, new: bytes) -> Iterator[str]:
    """The lines of a diff from ``old`` to ``new``, without line ends; ``path`` is shown as it is."""
    before, after = _lines(old), _lines(new)
    for line in difflib.unified_diff(before, after, f"a/{path.as_posix()}", f"b/{path.as_posix()}"):
        yield line.rstrip("\r\n") if line.endswith(("\n", "\r")) else line


def _lines(data: bytes) -> list[str]:
    """Decoded for showing only: what is no UTF-8 is shown as the mark for it."""
    return data.decode("utf-8", "replace").splitlines(keepends=True) if data else []
