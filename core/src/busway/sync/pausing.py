"""Pauses, as a run sees them: it does not begin, and one that is under way stops between two records."""

from __future__ import annotations

from datetime import UTC, datetime

from busway.contracts.clock import Clock
from busway.errors import HeldError, Problem
from busway.stores.pauses import Pause, Pauses

__all__ = ["PauseWatch", "paused_problem", "refuse_paused"]

LOOK_EVERY_SECONDS = 2.0


def refuse_paused(pauses: Pauses, now_ns: int) -> None:
    """Raises ``HeldError`` BW7004 while all jobs are paused."""
    pause = pauses.of("", now_ns)
    if pause is not None:
        problem = paused_problem(pause)
        raise HeldError(problem.code, problem.what, where=problem.where, why=problem.why, fix=problem.fix)


def paused_problem(pause: Pause) -> Problem:
    """The pause as a problem: who, why, since and until when."""
    until = f"until {_time(pause.until_ns)}" if pause.until_ns else "until somebody resumes"
    what = f"job {pause.job} is paused" if pause.job else "all jobs are paused"
    return Problem(
        "BW7004",
        what,
        f"by {pause.actor} since {_time(pause.since_ns)}, {until}",
        pause.reason,
        f"busway resume {pause.job}".rstrip(),
    )


class PauseWatch:
    """Looks between records whether somebody has paused the job. Cheap enough for every record.

    A store that cannot be read counts as a pause: what raises here ends the job.
    """

    def __init__(self, pauses: Pauses, job: str, clock: Clock) -> None:
        self._pauses = pauses
        self._job = job
        self._clock = clock
        self._looked_at = float("-inf")

    def problem(self) -> Problem | None:
        """Why the job is to stop; ``None`` while it is not paused."""
        now = self._clock.monotonic()
        if now - self._looked_at < LOOK_EVERY_SECONDS:
            return None
        self._looked_at = now
        pause = self._pauses.of(self._job, self._clock.now_ns())
        return None if pause is None else paused_problem(pause)


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, tz=UTC).astimezone().strftime("%Y-%m-%d %H:%M")
