"""The last recorded load: what the host found the last time it loaded plugins, for listings that load none."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from busway.plugins.report import PluginSetting, PluginStatus

__all__ = ["FILE_NAME", "RecordedPlugin", "record_load", "recorded_load"]

FILE_NAME = "plugins.json"
FORMAT = 1

Key = tuple[str, str]
"""Kind and name."""
Row = TypeVar("Row")


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
    notes: tuple[str, ...] = ()
    settings: tuple[PluginSetting, ...] | None = None
    """The settings it declares; None when nobody asked for them."""

    def age_seconds(self, now_ns: int) -> float:
        """Seconds since it was recorded; never negative, though clocks are set back."""
        return max(0, now_ns - self.time_ns) / 1e9

    def is_of(self, status: PluginStatus) -> bool:
        """It is about the distribution and version of `status`, not about one that has been replaced since."""
        return (self.distribution, self.version) == (status.distribution, status.version)


def record_load(
    state_dir: Path,
    statuses: Iterable[PluginStatus],
    now_ns: int,
    *,
    settings: Mapping[Key, Sequence[PluginSetting]] | None = None,
) -> bool:
    """Record the outcome of the plugins in `statuses` that were selected and tried.

    :param settings: what the plugins declare, by kind and name; of those left out the last record is kept, as long as
        it is of the same version.

    Rows of plugins that were not tried now are kept. Returns False when the folder cannot be written: a record is
    a convenience, and a read-only state folder has its own error where it matters.
    """
    tried = [status for status in statuses if status.order and status.state != "selected"]
    rows = dict(recorded_load(state_dir))
    for status in tried:
        key = (status.kind, status.name)
        declared = (settings or {}).get(key)
        rows[key] = _recorded(status, now_ns, rows.get(key), None if declared is None else tuple(declared))
    document = {"format": FORMAT, "plugins": [asdict(row) for row in rows.values()]}
    return not tried or _write(state_dir, json.dumps(document, indent=1))


def recorded_load(state_dir: Path) -> Mapping[Key, RecordedPlugin]:
    """The last record of each plugin by kind and name; rows that make no sense are left out."""
    try:
        document = json.loads((state_dir / FILE_NAME).read_bytes())
        rows = document["plugins"] if document["format"] == FORMAT else []
        read = [row for row in map(_row, rows) if row is not None]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return {}
    return {(row.kind, row.name): row for row in read}


def _recorded(
    status: PluginStatus, now_ns: int, last: RecordedPlugin | None, settings: tuple[PluginSetting, ...] | None
) -> RecordedPlugin:
    if settings is None and last is not None and last.is_of(status):
        settings = last.settings
    return RecordedPlugin(
        kind=status.kind,
        name=status.name,
        state=status.state,
        distribution=status.distribution,
        version=status.version,
        load_seconds=round(status.load_seconds, 6),
        code=status.code,
        cause="\n".join(detail.what for detail in status.details) or status.cause,
        remedy="\n".join(status.fixes),
        time_ns=now_ns,
        notes=status.notes,
        settings=settings,
    )


def _row(row: Any) -> RecordedPlugin | None:
    """`row` as a record, None when a field is missing or of another type."""
    kinds = {"load_seconds": (int, float), "time_ns": int, "notes": list, "settings": object}
    found = _shaped(RecordedPlugin, row, kinds)
    if found is None or not all(isinstance(note, str) for note in found.notes):
        return None
    return replace(found, notes=tuple(found.notes), settings=_settings(found.settings))


def _settings(rows: Any) -> tuple[PluginSetting, ...] | None:
    """The settings in `rows`; None when one of them makes no sense, for half a list would mislead."""
    if not isinstance(rows, list):
        return None
    read = [_shaped(PluginSetting, row, {"required": bool}) for row in rows]
    return None if None in read else tuple(setting for setting in read if setting is not None)


def _shaped(shape: type[Row], row: Any, kinds: Mapping[str, Any]) -> Row | None:
    """The JSON object `row` as a `shape` whose fields are text, except those of other `kinds`."""
    if not isinstance(row, dict):
        return None
    known: dict[str, Any] = {}
    for field in fields(shape):  # type: ignore[arg-type]
        if field.name in row:
            known[field.name] = row[field.name]
        elif field.default is MISSING:
            return None
    right = all(isinstance(value, kinds.get(name, str)) for name, value in known.items())
    return shape(**known) if right else None


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
