"""A run for tests of jobs: the context that the engine hands to ``source``, ``target`` and ``map``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.records import Record
from busway.contracts.runs import RunData, Stop

__all__ = ["FakeRun"]

T = TypeVar("T")


class FakeRun:
    """Implements :class:`busway.contracts.runs.Run` without an engine; each one is a run of its own.

    ::

        run = FakeRun({"titles": [{"id": 7, "name": "Welder"}]})
        people = [job.map(record, run) for record in job.source(run)]
    """

    def __init__(
        self,
        targets: Mapping[str, Sequence[Record]] | None = None,
        *,
        preview: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """``targets`` are the target records of other jobs, by job."""
        self.run_id = "0199f3c2-7d00-7000-8000-000000000000"
        self.preview = preview
        self.data: RunData = _Snapshots()
        self.clock: Clock = clock or SystemClock()
        self.stop: Stop = _Never()
        self.notes: list[str] = []
        """What the job noted, attributes included."""
        self._targets = dict(targets or {})

    def target_of(self, job: str) -> Sequence[Record]:
        """See the contract. Raises ``LookupError`` for a job whose records the test did not give."""
        if job not in self._targets:
            raise LookupError(f"the test gives no target records of the job {job!r}")
        return self._targets[job]

    def note(self, message: str, **attributes: Any) -> None:
        """See the contract."""
        self.notes.append(" ".join([message, *(f"{name}={value}" for name, value in attributes.items())]))


class _Snapshots:
    """What the run has loaded, each once."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str], Any] = {}

    def get_or_populate(self, name: str, *, loader: Callable[[], T], key: str = "_") -> T:
        if (name, key) not in self._loaded:
            self._loaded[name, key] = loader()
        loaded: T = self._loaded[name, key]
        return loaded


class _Never:
    def requested(self) -> bool:
        return False
