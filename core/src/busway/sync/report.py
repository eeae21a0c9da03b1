"""What a run did: counts and outcomes per job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from busway.errors import BuswayError, Problem
from busway.sync.plan import Action, Plan

__all__ = ["Counts", "Failure", "JobReport", "Outcome", "Progress", "RunReport", "SilentProgress"]


COUNTED: Mapping[Action, str] = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.DEACTIVATE: "deactivated",
    Action.REACTIVATE: "reactivated",
}
"""Where each action is counted."""


class Outcome(StrEnum):
    """How a job ended."""

    DONE = "done"
    """Every planned change was tried; some may have failed."""
    HELD = "held"
    """A brake held the plan; nothing was written."""
    ABORTED = "aborted"
    """An error ended it; what was written before stays and is counted."""
    NOT_RUN = "not run"
    """A job it depends on did not finish."""
    STOPPED = "stopped"
    """Asked to stop; the record in hand was finished."""


@dataclass(slots=True)
class Counts:
    """Records by what became of them."""

    created: int = 0
    updated: int = 0
    deactivated: int = 0
    reactivated: int = 0
    unchanged: int = 0
    skipped: int = 0
    quarantined: int = 0
    """Failed before, and without a reason to be tried again."""
    failed: int = 0

    def count(self, action: Action) -> None:
        """One more verified write."""
        name = COUNTED[action]
        setattr(self, name, getattr(self, name) + 1)

    def as_dict(self) -> dict[str, int]:
        """Numbers by name, in the order of a report."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def written(self) -> int:
        """Verified writes."""
        return self.created + self.updated + self.deactivated + self.reactivated


@dataclass(frozen=True, slots=True)
class Failure:
    """One record that failed; no personal data."""

    label: str
    action: str
    """``create``, ``update`` …, ``map`` or ``validate``."""
    problem: Problem


@dataclass(slots=True)
class JobReport:
    """What one job did in one run."""

    job: str
    entity: str
    outcome: Outcome = Outcome.DONE
    counts: Counts = field(default_factory=Counts)
    session_id: str = ""
    seconds: float = 0.0
    planned: int = 0
    partial: int = 0
    """Records that are in the target without a field it refused."""
    held_id: str = ""
    """The held plan that waits for a decision."""
    problem: Problem | None = None
    """Why it was held, aborted or not run."""
    others: tuple[Problem, ...] = ()
    """Further brakes that held it, or what else the same error says."""
    exit_code: int = 0
    """What this job alone would end the process with."""
    failures: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def ended(self, outcome: Outcome, error: BuswayError) -> None:
        """It ended by ``error``, with every problem that this names."""
        self.outcome, self.exit_code = outcome, error.exit_code
        self.problem, self.others = error.problem, error.others

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "job": self.job,
            "entity": self.entity,
            "outcome": self.outcome.value,
            "counts": self.counts.as_dict(),
            "session_id": self.session_id,
            "seconds": round(self.seconds, 3),
            "planned": self.planned,
            "partial": self.partial,
            "held_id": self.held_id,
            "problem": self.problem.as_dict() if self.problem else None,
            "others": [problem.as_dict() for problem in self.others],
            "failures": [{"label": f.label, "action": f.action, **f.problem.as_dict()} for f in self.failures],
            "warnings": self.warnings,
        }


@dataclass(slots=True)
class RunReport:
    """What one run did."""

    run_id: str
    jobs: list[JobReport] = field(default_factory=list)
    seconds: float = 0.0
    stopped_by: int = 0
    """Number of the signal that ended it; 0 = none."""

    @property
    def exit_code(self) -> int:
        """The worst of the jobs: an error (1-5), failed records (6), held (7); 128 + signal when stopped."""
        if self.stopped_by:
            return 128 + self.stopped_by
        codes = {job.exit_code for job in self.jobs} - {0}
        for group in ((1, 2, 3, 4, 5), (6,), (7,)):
            hit = sorted(codes.intersection(group))
            if hit:
                return hit[0]
        return 0


class Progress(Protocol):
    """Told what is going on, from the thread that does it. Must be quick and must not raise."""

    def started(self, job: str) -> None:
        """A job begins to read."""
        ...

    def planned(self, plan: Plan) -> None:
        """The plan stands; writing begins unless it is held."""
        ...

    def advanced(self, job: str, done: int, total: int, counts: Counts) -> None:
        """One more change was tried."""
        ...

    def finished(self, report: JobReport) -> None:
        """The job ended."""
        ...


class SilentProgress:
    """For runs nobody watches."""

    def started(self, job: str) -> None:
        """Says nothing."""

    def planned(self, plan: Plan) -> None:
        """Says nothing."""

    def advanced(self, job: str, done: int, total: int, counts: Counts) -> None:
        """Says nothing."""

    def finished(self, report: JobReport) -> None:
        """Says nothing."""
