"""Progress of a run: one live block on a terminal, a line every ten seconds elsewhere.

Both go to stderr, so that stdout holds the result alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import click

from busway.cli.text import bar, duration, rate
from busway.sync.plan import Plan
from busway.sync.report import Counts, JobReport

__all__ = ["LineProgress", "LiveProgress", "make_progress"]

LINE_EVERY_SECONDS = 10.0


@dataclass(slots=True)
class JobState:
    """Where one job stands."""

    job: str
    started: float
    done: int = 0
    total: int = 0
    phase: str = "reading both sides"
    applying_since: float = 0.0

    def line(self, now: float) -> str:
        """``employees  ████░░░░  512/1,876  210/s  0:00:09``"""
        if self.phase:
            return f"{self.job:<11} {self.phase} …  {duration(now - self.started)}"
        speed, spent = rate(self.done, now - self.applying_since), duration(now - self.started)
        return f"{self.job:<11} {bar(self.done, self.total)} {self.done:,}/{self.total:,}   {speed}   {spent}"


class LineProgress:
    """A line every ten seconds: for logs, pipes and dumb terminals."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._state: JobState | None = None
        self._said = 0.0

    def started(self, job: str) -> None:
        """A job begins to read."""
        self._said = self._monotonic()
        self._state = JobState(job, self._said)

    def planned(self, plan: Plan) -> None:
        """Writing begins."""
        if self._state is not None:
            self._state.phase, self._state.total = "", len(plan.changes)
            self._state.applying_since = self._monotonic()

    def advanced(self, job: str, done: int, total: int, counts: Counts) -> None:
        """One more record was tried."""
        now = self._monotonic()
        if self._state is None:
            return
        self._state.done, self._state.total = done, total
        if now - self._said >= LINE_EVERY_SECONDS:
            self._said = now
            click.echo(self._state.line(now), err=True)

    def finished(self, report: JobReport) -> None:
        """The job's own block follows from the caller."""
        self._state = None


class LiveProgress:
    """One line that redraws itself, through rich."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._state: JobState | None = None
        self._live = self._make_live()

    def __enter__(self) -> LiveProgress:
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def started(self, job: str) -> None:
        """A job begins to read."""
        self._state = JobState(job, self._monotonic())

    def planned(self, plan: Plan) -> None:
        """Writing begins."""
        if self._state is not None:
            self._state.phase, self._state.total = "", len(plan.changes)
            self._state.applying_since = self._monotonic()

    def advanced(self, job: str, done: int, total: int, counts: Counts) -> None:
        """One more record was tried; the block redraws itself eight times a second."""
        if self._state is not None:
            self._state.done, self._state.total = done, total

    def finished(self, report: JobReport) -> None:
        """The line makes room for the job's own block."""
        self._state = None
        self._live.refresh()

    def _make_live(self) -> Any:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=sys.stderr, highlight=False)
        return Live(get_renderable=self._line, console=console, refresh_per_second=8, transient=True)

    def _line(self) -> str:
        state = self._state
        return state.line(self._monotonic()) if state is not None else ""


def make_progress(*, as_json: bool) -> AbstractContextManager[LineProgress | LiveProgress]:
    """The live block on a terminal that can show it and has rich installed (``busway[live]``), else lines."""
    if not as_json and sys.stderr.isatty() and _rich_is_there():
        return LiveProgress()
    return nullcontext(LineProgress())


def _rich_is_there() -> bool:
    from importlib.util import find_spec

    return find_spec("rich") is not None
