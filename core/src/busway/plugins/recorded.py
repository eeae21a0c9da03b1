"""The last recorded load: what the host found the last time it loaded plugins, for listings that load none."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from busway.plugins.report import PluginStatus

__all__ = ["FILE_NAME", "RecordedPlugin", "record_load", "recorded_load"]

FILE_NAME = "plugins.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class RecordedPlugin:
    """One plugin as a host left it."""

    kind: str
    name: str
    state: str
    distribution: str
    version: str
    load_seconds: float
    code: str
    cause: str
    remedy: str
    time_ns: int
    """When it was recorded, nanoseconds since the Unix epoch."""

    def age_seconds(self, now_ns: int) -> float:
        """Seconds since it was recorded; never negative, though clocks are set back."""
        return max(0, now_ns - self.time_ns) / 1e9


def record_load(state_dir: Path, statuses: Iterable[PluginStatus], now_ns: int) -> bool:
    """Record the outcome of the plugins in `statuses` that were selected and tried.

    Rows of plugins that were not tried now are kept. Returns False when the folder cannot be written: a record is
    a convenience, and a read-only state folder has its own error where it matters.
    """
    tried = [status for status in statuses if status.order and status.state != "selected"]
    rows = dict(recorded_load(state_dir))
    rows.update({(status.kind, status.name): _recorded(status, now_ns) for status in tried})
    document = {"format": FORMAT, "plugins": [asdict(row) for row in rows.values()]}
    return not tried or _write(state_dir, json.dumps(document, indent=1))


def recorded_load(state_dir: Path) -> Mapping[tuple[str, str], RecordedPlugin]:
    """The last record of each plugin by kind and name; rows that make no sense are left out."""
    try:
        document = json.loads((state_dir / FILE_NAME).read_bytes())
        rows = document["plugins"] if document["format"] == FORMAT else []
        read = [row for row in map(_row, rows) if row is not None]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return {}
    return {(row.kind, row.name): row for row in read}


def _recorded(status: PluginStatus, now_ns: int) -> RecordedPlugin:
    return RecordedPlugin(
        kind=status.kind,
        name=status.name,
        state=status.state,
        distribution=status.distribution,
        version=status.version,
        load_seconds=round(status.load_seconds, 6),
        code=status.code,
        cause=status.cause,
        remedy=status.remedy,
        time_ns=now_ns,
    )


def _row(row: Any) -> RecordedPlugin | None:
    """`row` as a record, None when a field is missing or of another type."""
    kinds = {"load_seconds": (int, float), "time_ns": (int,)}
    if not isinstance(row, dict):
        return None
    values: dict[str, Any] = {field.name: row.get(field.name) for field in fields(RecordedPlugin)}
    if all(isinstance(value, kinds.get(name, (str,))) for name, value in values.items()):
        return RecordedPlugin(**values)
    return None


def _write(state_dir: Path, text: str) -> bool:
    """In one step and 0600, which is what `mkstemp` creates: a cause may name internal hosts."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(prefix=FILE_NAME, suffix=".tmp", dir=state_dir)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(temporary).replace(state_dir / FILE_NAME)
    except OSError:
        return False
    return True
