"""Totals: what was counted over all runs, kept in a file, because every run starts its own counters at zero."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from busway.metrics.registry import Sample

__all__ = ["Totals", "labelled"]

FORMAT = 1
REMEMBERED = 2_000
"""Event ids kept to know a repeated one: a batch that was counted and not acknowledged comes again."""

Labels = tuple[tuple[str, str], ...]
Series = tuple[str, Labels]


def labelled(name: str, **labels: str) -> Series:
    """A series by its name and labels."""
    return name, tuple(sorted(labels.items()))


@dataclass(slots=True)
class Totals:
    """Numbers by series: counters that grow and gauges that are set."""

    counters: dict[Series, float] = field(default_factory=dict)
    gauges: dict[Series, float] = field(default_factory=dict)
    seen: dict[str, None] = field(default_factory=dict)
    """Ids of the last events counted, oldest first."""

    def is_new(self, event_id: str) -> bool:
        """Whether the event was not counted yet; notes that it is now."""
        if event_id in self.seen:
            return False
        self.seen[event_id] = None
        while len(self.seen) > REMEMBERED:
            del self.seen[next(iter(self.seen))]
        return True

    def add(self, series: Series, amount: float = 1.0) -> None:
        """Counts more."""
        self.counters[series] = self.counters.get(series, 0.0) + amount

    def fold(self, samples: Iterable[Sample], folded: Mapping[Series, float]) -> dict[Series, float]:
        """Adds what this process counted since ``folded``; returns what is folded now."""
        now = {(one.name, one.labels): one.value for one in samples if one.kind == "counter"}
        for series, value in now.items():
            self.add(series, max(0.0, value - folded.get(series, 0.0)))
        return now

    @classmethod
    def load(cls, path: Path) -> Totals:
        """The totals kept in ``path``; new ones when there is no such file, or none that can be read."""
        try:
            kept = orjson.loads(path.read_bytes())
            if kept["format"] != FORMAT:
                return cls()
            return cls(_series(kept["counters"]), _series(kept["gauges"]), dict.fromkeys(map(str, kept["seen"])))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # Counters that start at zero again are what Prometheus is made for; a sink that stops is not.
            return cls()

    def save(self, path: Path) -> None:
        """Replaces the file as a whole."""
        kept = {
            "format": FORMAT,
            "counters": _rows(self.counters),
            "gauges": _rows(self.gauges),
            "seen": list(self.seen),
        }
        replace_file(path, orjson.dumps(kept))


def replace_file(path: Path, content: bytes) -> None:
    """Written aside and renamed: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _rows(numbers: Mapping[Series, float]) -> list[Any]:
    return [[name, dict(labels), value] for (name, labels), value in numbers.items()]


def _series(rows: Iterable[Any]) -> dict[Series, float]:
    return {labelled(str(name), **{str(k): str(v) for k, v in labels.items()}): float(n) for name, labels, n in rows}
