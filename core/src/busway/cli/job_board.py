"""Where each job of a run stands, and the line that tells it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from busway.cli.text import bar, duration, rate
from busway.sync.plan import IN_WORDS, Plan
from busway.sync.report import Counts, JobReport, Outcome

__all__ = ["JobBoard", "JobLine"]

NAME_WIDTH = 11


@dataclass(slots=True)
class JobLine:
    """Where one job stands. Times are monotonic seconds."""

    job: str
    started: float
    total: int | None = None
    """Changes to try; ``None`` while both sides are read."""
    applying_since: float = 0.0
    done: int = 0
    counts: Counts = field(default_factory=Counts)
    ended: str = ""
    """How it ended; empty while it is at work."""
    seconds: float = 0.0
    """How long it took in all."""
    said_at: float = 0.0
    """When a line of it was last printed, where lines are printed."""

    def text(self, now: float, *, drawn: bool) -> str:
        """``employees   512/1,876 (27 %)   210/s   0:00:09   eta 0:00:06   created 12   failed 1``.

        :param drawn: with a bar in place of the percentage.
        """
        if self.ended:
            parts = [self.ended, duration(self.seconds), self._counted()]
        elif self.total is None:
            parts = ["reading both sides …", duration(now - self.started)]
        else:
            spent = now - self.applying_since
            parts = [
                self._reached(drawn),
                rate(self.done, spent),
                duration(now - self.started),
                self._eta(spent),
                self._counted(),
            ]
        return f"{self.job:<{NAME_WIDTH}} " + "   ".join(part for part in parts if part)

    def _reached(self, drawn: bool) -> str:
        total = self.total or 0
        reached = f"{self.done:,}/{total:,}"
        if drawn:
            return f"{bar(self.done, total)} {reached}"
        return f"{reached} ({100 if total == 0 else 100 * self.done // total} %)"

    def _eta(self, spent: float) -> str:
        """By the rate so far, once there is one."""
        left = (self.total or 0) - self.done
        return f"eta {duration(left * spent / self.done)}" if left > 0 and self.done and spent > 0 else ""

    def _counted(self) -> str:
        counts = {name: number for name, number in self.counts.as_dict().items() if number and name != "unchanged"}
        return "   ".join(f"{IN_WORDS.get(name, name)} {number:,}" for name, number in counts.items())


class JobBoard:
    """Told by a run, from whichever thread a job is in; read by whoever shows it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._lines: dict[str, JobLine] = {}

    def started(self, job: str) -> None:
        """A job begins to read."""
        now = self._monotonic()
        with self._lock:
            self._lines[job] = JobLine(job, now, said_at=now)

    def planned(self, plan: Plan) -> None:
        """Writing begins, unless the plan is held."""
        with self._lock:
            line = self._lines.get(plan.job)
            if line is not None:
                line.total, line.applying_since = len(plan.changes), self._monotonic()

    def advanced(self, job: str, done: int, total: int, counts: Counts) -> None:
        """One more change was tried."""
        with self._lock:
            line = self._lines.get(job)
            if line is not None:
                line.done, line.total, line.counts = done, total, counts

    def finished(self, report: JobReport) -> None:
        """The job ended; its line stays and says how."""
        now = self._monotonic()
        with self._lock:
            line = self._lines.setdefault(report.job, JobLine(report.job, now, said_at=now))
            line.ended = "done" if report.outcome is Outcome.DONE else report.outcome.value
            line.counts, line.seconds = report.counts, now - line.started

    def texts(self) -> list[str]:
        """A line for each job, in the order in which they began."""
        now = self._monotonic()
        with self._lock:
            return [line.text(now, drawn=True) for line in self._lines.values()]

    def due(self, every: float) -> list[str]:
        """The lines of the jobs at work of which nothing was said for ``every`` seconds; they count as said."""
        now = self._monotonic()
        with self._lock:
            due = [line for line in self._lines.values() if not line.ended and now - line.said_at >= every]
            for line in due:
                line.said_at = now
            return [line.text(now, drawn=False) for line in due]

    def closing(self, job: str) -> str:
        """The last line of a job that was told of while it was at work; empty for one that ended before."""
        with self._lock:
            line = self._lines[job]
            return line.text(line.said_at, drawn=False) if line.said_at > line.started else ""
