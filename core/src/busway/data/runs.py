"""Snapshots of one run: what its jobs read is loaded once, shared, and released when the run ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar, cast

from busway.data.names import Name, encode_id, parse_name
from busway.data.order import materialised
from busway.data.single_flight import SingleFlight
from busway.errors import UsageError

__all__ = ["RunSnapshots"]

T = TypeVar("T")


class RunSnapshots:
    """The data of one run (``busway.contracts.runs.RunData``); a context manager that forgets it at the end.

    Nothing comes from the cache levels and nothing goes there: a run decides writes, and decides them on what the
    source says now. Values are shared between jobs, read-only by contract, and need not be JSON.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[Name, str], Any] = {}
        self._flights = SingleFlight()
        self._lock = threading.Lock()
        self._over = False

    def get_or_populate(self, name: str, *, loader: Callable[[], T], key: str = "_") -> T:
        """The snapshot ``name`` (``domain.entity``), loaded at the first call of this run.

        A generator is read to its end and becomes a list, for the second job to find everything, too. A load that
        raises is not remembered. Raises ``UsageError`` BW2001 for a wrong name and BW2009 after the run.
        """
        if self._over:
            raise _over(name)
        place = (parse_name(name), encode_id(key))
        if place not in self._values:
            self._flights.run(f"{place[0]}/{place[1]}", lambda _: self._load(place, loader))
        try:
            return cast(T, self._values[place])
        except KeyError:
            raise _over(name) from None

    def __enter__(self) -> RunSnapshots:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Releases every snapshot; what a load that is still under way brings is not kept either."""
        with self._lock:
            self._over = True
            self._values.clear()

    def _load(self, place: tuple[Name, str], loader: Callable[[], Any]) -> None:
        if place in self._values:
            return
        value = materialised(loader())
        with self._lock:
            if not self._over:
                self._values[place] = value


def _over(name: str) -> UsageError:
    return UsageError(
        "BW2009",
        f"the run that {name} was asked of is over",
        why="the snapshots of a run are released when it ends",
        fix="keep the records you need, or ask within the run",
    )
