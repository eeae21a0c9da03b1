"""A command run in this process: what it printed, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
    """What a command did."""

    code: int
    out: str
    err: str

    def error(self) -> list[str]:
        """The lines of the error, but for the one that names its page."""
        return [" ".join(line.split()) for line in self.err.splitlines() if not line.startswith("  more")]


Command = Callable[..., Told]
