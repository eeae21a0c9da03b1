"""Imports the plugins that were picked: stevedore loads, every entry point guarded."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint
from typing import Any, cast

from stevedore.named import NamedExtensionManager

from busway.plugins.faults import LoadError, import_fault
from busway.plugins.index import IndexEntry
from busway.plugins.worker import call_with_timeout

__all__ = ["GuardedEntryPoint", "Imports", "Picker"]


class Imports:
    """The imports of one host. Each entry-point value is imported once, for as many kinds as it serves.

    What failed or hung once is not tried again: the abandoned thread may still hold the module's import lock.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._loaded: dict[tuple[str, str], object] = {}
        self._failed: dict[tuple[str, str], LoadError] = {}

    def load(self, entry: IndexEntry) -> object:
        """The object behind `entry`. Raises `LoadError` (BW1304, BW1305) and nothing else."""
        key = (entry.distribution, entry.value)
        if key in self._failed:
            raise self._failed[key]
        if key not in self._loaded:
            try:
                self._loaded[key] = self._import(entry)
            except Exception as error:
                self._failed[key] = import_fault(entry, error)
                raise self._failed[key] from error
        return self._loaded[key]

    def _import(self, entry: IndexEntry) -> object:
        if EntryPoint.pattern.match(entry.value) is None:
            raise ValueError(f"{entry.value!r} is not of the form module or module:attribute")
        point = EntryPoint(entry.name, entry.value, f"busway.v{entry.contract}.{entry.kind}")
        label = f"busway-import-{entry.kind}-{entry.name}"
        return call_with_timeout(point.load, self._timeout_seconds, label=label)


class GuardedEntryPoint:
    """An entry point as stevedore expects it, whose `load` lets only `LoadError` out."""

    def __init__(self, entry: IndexEntry, imports: Imports) -> None:
        self.entry = entry
        self.name = entry.name
        self.seconds = 0.0
        """Time the import took."""
        self._imports = imports

    def load(self) -> object:
        """Import the module and return the plugin object."""
        started = time.perf_counter()
        try:
            return self._imports.load(self.entry)
        finally:
            self.seconds = time.perf_counter() - started


class Picker(NamedExtensionManager[Any]):
    """Loads exactly the given entry points, in their order.

    It answers from our index: stevedore's own search has a cache on disk that is blind for minutes, and it drops
    the distribution that an entry point came from.
    """

    def __init__(
        self, group: str, points: Sequence[GuardedEntryPoint], on_failure: Callable[[str, LoadError], None]
    ) -> None:
        self._points = list(points)
        super().__init__(
            group,
            [point.name for point in points],
            name_order=True,
            on_load_failure_callback=lambda _, point, error: on_failure(point.name, cast(LoadError, error)),
            on_missing_entrypoints_callback=None,
        )

    def list_entry_points(self) -> list[EntryPoint]:
        """Answer from the index."""
        return cast("list[EntryPoint]", self._points)
