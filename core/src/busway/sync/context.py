"""The context of one run: what a job may use while it reads and maps."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from busway.contracts.clock import Clock
from busway.contracts.jobs import Job
from busway.contracts.records import Complete, Record
from busway.contracts.runs import RunData, Stop
from busway.sync.graph import unknown_job
from busway.sync.reading import read_target
from busway.sync.views import TargetView

__all__ = ["NEVER", "RunContext"]


class _Never:
    """No wish to stop."""

    def requested(self) -> bool:
        return False


NEVER: Stop = _Never()


class RunContext:
    """Implements :class:`busway.contracts.runs.Run` and keeps the views of the targets read in this run.

    Jobs that run at the same time have a context each, made by :meth:`of_job`, and share the views.
    """

    def __init__(
        self, run_id: str, jobs: Mapping[str, Job], data: RunData, clock: Clock, stop: Stop, *, preview: bool
    ) -> None:
        self.run_id = run_id
        self.preview = preview
        self.data = data
        self.clock = clock
        self.stop = stop
        self.notes: list[str] = []
        """Warnings of the job at work, taken out when it ends."""
        self._jobs = jobs
        self._views: dict[str, TargetView] = {}
        self._reading = {name: threading.RLock() for name in jobs}
        """Held while the target of a job is read: two jobs that need it at once read it once."""

    def of_job(self) -> RunContext:
        """A context for one of several jobs: notes of its own, everything else shared."""
        own = RunContext(self.run_id, self._jobs, self.data, self.clock, self.stop, preview=self.preview)
        own._views, own._reading = self._views, self._reading
        return own

    def target_of(self, job: str) -> Sequence[Record]:
        """See the contract. Raises ``UsageError`` BW4003 for an unknown job, and what reading its target raises."""
        return self.view_of(job).records()

    def note(self, message: str, **attributes: Any) -> None:
        """See the contract; each text is kept once, however many records cause it."""
        text = message if not attributes else f"{message} ({', '.join(f'{k}={v}' for k, v in attributes.items())})"
        if text not in self.notes:
            self.notes.append(text)

    def view_of(self, name: str) -> TargetView:
        """The view of the target of ``name``, read now unless this run has read it."""
        if name not in self._jobs:
            raise unknown_job(name, list(self._jobs))
        with self._reading[name]:
            view = self._views.get(name)
            if view is None:
                view = self._views[name] = TargetView(read_target(self._jobs[name], self))
            return view

    def read_target(self, job: Job) -> Complete[Record]:
        """Reads the target of ``job`` afresh, because writes are decided on it."""
        with self._reading[job.name]:
            records = read_target(job, self)
            self._views[job.name] = TargetView(records)
            return records

    def set_view(self, name: str, view: TargetView) -> None:
        """Takes ``view`` for the target of ``name``, where a plan in hand makes reading it needless."""
        self._views[name] = view

    def take_notes(self) -> list[str]:
        """The notes since the last call."""
        notes, self.notes = self.notes, []
        return notes
