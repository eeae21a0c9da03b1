"""The loader of one job's source records, as cached data knows it."""

from __future__ import annotations

from collections.abc import Callable

from busway.contracts.records import Record

__all__ = ["SourceLoader"]


class SourceLoader:
    """Reads every source record of ``job``; entries it made say so (``source`` of their metadata)."""

    def __init__(self, job: str, read: Callable[[str], list[Record]]) -> None:
        self._job = job
        self._read = read
        self.__qualname__ = f"job {job}"

    def __call__(self) -> list[Record]:
        """Every record. Raises what the job or its source raises."""
        return self._read(self._job)
