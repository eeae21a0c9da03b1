"""Reads what `faulthandler` writes: in which file and line of a plugin a process crashed or hung."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["innermost_place"]

_THREAD = re.compile(r"(Current thread|Thread|Stack) ?(?:0x|\(most recent)")
_FRAME = re.compile(r'\s*File "(?P<file>.+)", line (?P<line>\d+) in (?P<function>.+)')
_OWN = str(Path(__file__).resolve().parent.parent)
_STDLIB = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))


def innermost_place(dump: Iterable[str]) -> str:
    """The innermost frame that is neither Python's nor Busway's, of the thread that crashed or the first to have one.

    The innermost frame is where the interpreter waits or crashed; the one wanted is where foreign code got there.
    """
    threads = sorted(_threads(dump), key=lambda thread: thread[0] == "Thread")
    for _, frames in threads:
        for file, line, function in frames:
            if not _is_ours(file):
                return f"{file}:{line} in {function}"
    return ""


def _threads(dump: Iterable[str]) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    found: list[tuple[str, list[tuple[str, str, str]]]] = []
    for text in dump:
        if start := _THREAD.match(text):
            found.append((start[1], []))
        elif found and (frame := _FRAME.match(text)):
            found[-1][1].append((frame["file"], frame["line"], frame["function"]))
    yield from found


def _is_ours(file: str) -> bool:
    installed = "site-packages" in file or "dist-packages" in file
    in_python = file.startswith("<") or (file.startswith(_STDLIB) and not installed)
    return in_python or file.startswith(_OWN)
