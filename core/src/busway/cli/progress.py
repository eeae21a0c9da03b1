"""Progress of a run: one live block on a terminal, a line for each job every ten seconds elsewhere.

Both go to stderr, so that stdout holds the result alone.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import click

from busway.cli.job_board import JobBoard
from busway.sync.report import JobReport

__all__ = ["LineProgress", "LiveProgress", "make_progress"]

LINE_EVERY_SECONDS = 10.0
LOOK_EVERY_SECONDS = 1.0


class LineProgress(JobBoard):
    """A line every ten seconds for each job at work: for logs, pipes and dumb terminals.

    A thread of its own says it, because a job that reads tells nothing for minutes.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, look_every: float = LOOK_EVERY_SECONDS) -> None:
        super().__init__(monotonic)
        self._look_every = look_every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_saying, name="busway-progress", daemon=True)

    def __enter__(self) -> LineProgress:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def finished(self, report: JobReport) -> None:
        """A job that was told of is told of to its end; the others have their block at the end of the run."""
        super().finished(report)
        _say(self.closing(report.job))

    def say(self) -> None:
        """Prints what is due."""
        for text in self.due(LINE_EVERY_SECONDS):
            _say(text)

    def _keep_saying(self) -> None:
        while not self._over.wait(self._look_every):
            self.say()


class LiveProgress(JobBoard):
    """A block with a line for each job that redraws itself eight times a second, through rich; gone at the end."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(monotonic)
        self._live = self._make_live()

    def __enter__(self) -> LiveProgress:
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def _make_live(self) -> Any:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=sys.stderr, highlight=False)
        return Live(get_renderable=self._block, console=console, refresh_per_second=8, transient=True)

    def _block(self) -> Any:
        from rich.text import Text

        # Lines that wrapped would make the block jump; a narrow terminal shows their beginning.
        return Text("\n".join(self.texts()), no_wrap=True, overflow="ellipsis")


def make_progress(*, as_json: bool) -> AbstractContextManager[LineProgress | LiveProgress]:
    """The live block on a terminal that can show it and has rich installed (``busway[live]``), else lines."""
    if not as_json and sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and _rich_is_there():
        return LiveProgress()
    return LineProgress()


def _rich_is_there() -> bool:
    from importlib.util import find_spec

    return find_spec("rich") is not None


def _say(text: str) -> None:
    if text:
        click.echo(text, err=True)
