"""What a running job may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from busway.contracts.clock import Clock
from busway.contracts.records import Record

__all__ = ["Run", "RunData", "Stop"]

T = TypeVar("T")


class RunData(Protocol):
    """Source snapshots of one run: loaded once, shared by its jobs, released when it ends."""

    def get_or_populate(self, name: str, *, loader: Callable[[], T], key: str = "_") -> T:
        """The snapshot ``name`` (``domain.entity``), loaded at the first call of this run."""
        ...


class Stop(Protocol):
    """The wish to stop, looked at between records."""

    def requested(self) -> bool:
        """True once somebody asked to stop."""
        ...


class Run(Protocol):
    """One run: the context every method of a job receives that reads or maps."""

    run_id: str
    """UUIDv7 as text."""
    preview: bool
    """True while a plan is made only to be looked at: nothing will be written before the next job is planned."""
    data: RunData
    clock: Clock
    stop: Stop

    def target_of(self, job: str) -> Sequence[Record]:
        """The target records of another job as they are in this run: read once, brought up to date by its writes.

        Name that job in ``depends_on``. In a preview, records it would create carry
        :class:`busway.contracts.records.Pending` as their id.
        """
        ...

    def note(self, message: str, **attributes: Any) -> None:
        """Puts a warning into the run's report and events; no personal data in it."""
        ...
