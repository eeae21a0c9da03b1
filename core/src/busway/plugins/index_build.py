"""Builds the index of entry points anew and keeps it. Imported only when the kept one is not current."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from importlib_metadata import Distribution, MetadataPathFinder, distributions

from busway.plugins import index_file
from busway.plugins.index import CONTRACT, CommandEntry, IndexEntry, UnreadableEntry

GROUP = re.compile(r"busway\.v(\d{1,6})\.([a-z_]+)")
TRUST_AFTER_NS = 2_000_000_000
"""Age a change must have before an index that includes it is kept.

File systems tick: two changes within one tick leave the same time behind, and an index built between them would
look current for ever. Ticks are a few milliseconds here, and up to 2 s on FAT and old network file systems.
"""


@dataclass
class _Found:
    """What a search has found so far."""

    plugins: list[IndexEntry] = field(default_factory=list)
    commands: list[CommandEntry] = field(default_factory=list)
    unreadable: list[UnreadableEntry] = field(default_factory=list)
    watched: list[str] = field(default_factory=list)
    """Files whose change in place changes the answer without touching the folder that is searched."""


def build_document(folders: Sequence[str], places: Sequence[str]) -> dict[str, Any]:
    """Search `folders`, keep the answer in the first of `places` that can be written (else in memory), return it."""
    started = time.time_ns()  # before the first look: what changes from here on must count as young
    states = index_file.folder_states(folders)
    found = _search(folders)
    files = index_file.file_states([[file] for file in found.watched])
    document = {
        "format": index_file.FORMAT,
        "folders": states,
        "files": files,
        "plugins": sorted(found.plugins),
        "commands": sorted(found.commands),
        "unreadable": sorted(found.unreadable),
    }
    if _settled([*states, *files], started) and not any(_write(Path(place), document) for place in places):
        index_file.keep_in_memory(folders, document)
    return document


def _settled(states: Iterable[list[Any]], now_ns: int) -> bool:
    """Every change is old enough that no later one can hide in the same tick."""
    return all(now_ns - max(state[1:3]) >= TRUST_AFTER_NS for state in states if len(state) > 1)


def _search(folders: Sequence[str]) -> _Found:
    found = _Found()
    # Its own cache of folder listings is keyed by a float of the modification time and misses quick changes.
    MetadataPathFinder.invalidate_caches()
    names: dict[str, None] = {}
    for distribution in _distributions(folders):
        try:
            _watch(distribution, found)
            if "[busway.v" in (distribution.read_text("entry_points.txt") or ""):
                names[_canonical(distribution.name)] = None
        except Exception as error:  # one damaged distribution must not hide the others
            _unreadable(distribution, error, found)
    for name in names:
        _add_first(name, folders, found)
    return found


def _distributions(folders: Sequence[str], **wanted: str) -> Iterator[Distribution]:
    """The distributions in `folders`, in their order."""
    return cast("Iterator[Distribution]", iter(distributions(path=list(folders), **wanted)))


def _watch(distribution: Distribution, found: _Found) -> None:
    """An `.egg-info` is rewritten in place, and gains entry points without a change of the folder it lies in."""
    home = _home(distribution)
    if home is not None and home.suffix == ".egg-info":
        found.watched += [str(home), str(home / "entry_points.txt")]


def _add_first(name: str, folders: Sequence[str], found: _Found) -> None:
    """Adds the entry points of distribution `name`: of the first on the path, which is the one Python imports."""
    distribution = next(_distributions(folders, name=name))
    try:
        rows = _rows(distribution)
    except Exception as error:
        _unreadable(distribution, error, found)
        return
    home = _home(distribution)
    if home is not None and str(home / "entry_points.txt") not in found.watched:
        found.watched.append(str(home / "entry_points.txt"))
    for row in rows:
        (found.commands if isinstance(row, CommandEntry) else found.plugins).append(row)  # type: ignore[arg-type]


def _rows(distribution: Distribution) -> list[IndexEntry | CommandEntry]:
    rows: list[IndexEntry | CommandEntry] = []
    home = _home(distribution)
    path = str(home / "entry_points.txt") if home is not None else ""
    name, version = distribution.name, distribution.version
    summary = distribution.metadata.get("Summary") or ""
    for point in distribution.entry_points:
        match = GROUP.fullmatch(point.group)
        if match is None:
            continue
        contract, kind = int(match[1]), match[2]
        if kind == "commands" and contract == CONTRACT:
            rows.append(CommandEntry(point.name, point.value, name, version, summary))
        else:
            rows.append(IndexEntry(kind, contract, point.name, point.value, name, version, path))
    return rows


def _unreadable(distribution: Distribution, error: Exception, found: _Found) -> None:
    home = _home(distribution)
    found.unreadable.append(UnreadableEntry(str(home or "?"), f"{type(error).__name__}: {error}"))


def _home(distribution: Distribution) -> Path | None:
    """The metadata folder. The attribute is private: no public one says where a distribution without RECORD lies."""
    home = getattr(distribution, "_path", None)
    return home if isinstance(home, Path) else None


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _write(place: Path, document: dict[str, Any]) -> bool:
    """Puts `document` at `place` in one step; False when that is not possible there."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=place.name, suffix=".tmp", dir=place.parent)
    except OSError:
        return False
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(document, stream, separators=(",", ":"))
        Path(temporary).chmod(0o644)  # a shared environment is read by other users than the one who installed
        Path(temporary).replace(place)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        return False
    return True
