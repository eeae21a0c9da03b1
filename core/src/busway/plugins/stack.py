"""What may be told of a stack: files, lines and functions, never the values in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb

__all__ = ["Spot", "raised_at", "stack_of"]


@dataclass(frozen=True, slots=True)
class Spot:
    """One frame of a stack."""

    module: str
    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.function}"


def raised_at(error: BaseException) -> str:
    """File and line where `error` was raised: what can be told of an exception whose text may hold data."""
    frames = extract_tb(error.__traceback__)
    return f"raised at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "raised nowhere known"


def stack_of(thread_id: int) -> list[Spot]:
    """Where the thread is now, innermost first; empty when it has ended."""
    return list(_spots(thread_id))


def _spots(thread_id: int) -> Iterator[Spot]:
    # faulthandler shows the same, but only into a file and without the modules.
    frame = sys._current_frames().get(thread_id)
    while frame is not None:
        code = frame.f_code
        module = str(frame.f_globals.get("__name__", ""))
        yield Spot(module, Path(code.co_filename).name, frame.f_lineno or code.co_firstlineno, code.co_qualname)
        frame = frame.f_back
