"""Builds the index of entry points anew and keeps it. Imported only when the kept one is not current."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import cast

from importlib_metadata import Distribution, EntryPoint, MetadataPathFinder, distributions

from busway.plugins import index_file
from busway.plugins.index import CONTRACT, CommandEntry, IndexEntry, UnreadableEntry
from busway.plugins.index_file import Document, Row
from busway.plugins.kinds import KINDS

GROUP = re.compile(r"busway\.(?:v(\d{1,6})\.)?([a-z_]+)")
OTHER_GROUPS = ("commands", "migrations")
"""Groups of the contract that are no kinds."""
TRUST_AFTER_NS = 2_000_000_000
"""Age a change must have before an index that includes it is kept.

File systems tick: two changes within one tick leave the same time behind, and an index built between them would
look current for ever. Ticks are a few milliseconds here, and up to 2 s on FAT and old network file systems.
"""
KEPT_FILES = 16
"""Index files that may lie in one place: one for each way this environment is started, and room for odd ones."""


@dataclass
class _Found:
    """What a search has found so far."""

    plugins: list[IndexEntry] = field(default_factory=list)
    commands: list[CommandEntry] = field(default_factory=list)
    unreadable: list[UnreadableEntry] = field(default_factory=list)
    watched: dict[str, None] = field(default_factory=dict)
    """Paths whose change changes the answer without touching the folder that is searched."""


def build_document(folders: Sequence[str], places: Iterable[str]) -> Document:
    """Search `folders`, keep the answer in the first of `places` that can be written (else in memory), return it."""
    started = time.time_ns()  # before the first look: what changes from here on must count as young
    searched = index_file.states(folders)
    found = _search(folders)
    files = index_file.states(found.watched)
    document = Document(
        searched,
        files,
        [(each.kind, str(each.contract), *each[2:]) for each in sorted(found.plugins)],
        sorted(found.commands),
        sorted(found.unreadable),
    )
    if _settled([*searched, *files], started):
        _keep(folders, map(Path, places), document)
    return document


def _settled(states: Iterable[Row], now_ns: int) -> bool:
    """Every change is old enough that no later one can hide in the same tick."""
    times = (int(time_ns) for _, state in states for time_ns in state.split()[:2])
    return all(now_ns - time_ns >= TRUST_AFTER_NS for time_ns in times)


def _search(folders: Sequence[str]) -> _Found:
    found = _Found()
    # Its own cache of folder listings is keyed by a float of the modification time and misses quick changes.
    MetadataPathFinder.invalidate_caches()
    names: dict[str, None] = {}
    for distribution in _distributions(folders):
        try:
            _watch(distribution, found)
            if "[busway." in (distribution.read_text("entry_points.txt") or ""):
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
    """Watches metadata that can gain entry points without a change of the folder it lies in: any without RECORD.

    An `.egg-info` has none, and is rewritten in place. A `.dist-info` gets it last, so this one is perhaps being
    filled at this moment.
    """
    home = _home(distribution)
    if home is not None and not (home / "RECORD").exists():
        found.watched.update({str(home): None, str(home / "entry_points.txt"): None})


def _add_first(name: str, folders: Sequence[str], found: _Found) -> None:
    """Adds the entry points of distribution `name`: of the first on the path, which is the one Python imports."""
    distribution = next(_distributions(folders, name=name), None)
    if distribution is None:  # it has been uninstalled since it was seen
        return
    home = _home(distribution)
    points = str(home / "entry_points.txt") if home is not None else ""
    try:
        _add(distribution, points, found)
    except Exception as error:
        _unreadable(distribution, error, found)
        return
    if points:
        found.watched[points] = None


def _add(distribution: Distribution, path: str, found: _Found) -> None:
    """Adds every entry point of `distribution` that is ours, each to the list it belongs to."""
    name, version = distribution.name, distribution.version
    summary = " ".join((distribution.metadata.get("Summary") or "").split())
    plugins, commands, strangers = [], [], []
    for point in distribution.entry_points:
        match = GROUP.fullmatch(point.group)
        contract, kind = (int(match[1] or 0), match[2]) if match else (CONTRACT, "")
        if kind in KINDS:
            plugins.append(IndexEntry(kind, contract, point.name, point.value, name, version, path))
        elif (kind, contract) == ("commands", CONTRACT):
            commands.append(CommandEntry(point.name, point.value, name, version, summary))
        elif point.group.startswith("busway.") and not (kind in OTHER_GROUPS and contract == CONTRACT):
            strangers.append(UnreadableEntry(path, _strange(point, f"{name} {version}")))
    found.plugins += plugins
    found.commands += commands
    found.unreadable += strangers


def _strange(point: EntryPoint, owner: str) -> str:
    """Why nobody will ever ask for `point`, and what its group may have been meant to be."""
    known = (*KINDS, *OTHER_GROUPS)
    kind = re.sub(r"busway\.(v\d+\.)?", "", point.group).lower()
    near = next(iter(get_close_matches(kind, known, 1)), "")
    groups = [f"busway.v{CONTRACT}.{each}" for each in ([near] if near else known)]
    hint = f"did you mean {groups[0]}?" if near else f"the groups are {', '.join(groups)}"
    return f"{owner} declares {point.name} in the group {point.group}, which this core does not know: {hint}"


def _unreadable(distribution: Distribution, error: Exception, found: _Found) -> None:
    home = _home(distribution)
    found.unreadable.append(UnreadableEntry(str(home or "?"), f"{type(error).__name__}: {error}"))


def _home(distribution: Distribution) -> Path | None:
    """The metadata folder. The attribute is private: no public one says where a distribution without RECORD lies."""
    home = getattr(distribution, "_path", None)
    return home if isinstance(home, Path) else None


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _keep(folders: Sequence[str], places: Iterable[Path], document: Document) -> None:
    place = next((place for place in places if _write(place, document)), None)
    if place is None:
        index_file.keep_in_memory(folders, document)
    else:
        with suppress(OSError):  # another process prunes, too
            _prune(place.parent)


def _write(place: Path, document: Document) -> bool:
    """Puts `document` at `place` in one step; False when that is not possible there."""
    try:
        content = index_file.pack(document)
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=place.name, suffix=".tmp", dir=place.parent)
    except (OSError, ValueError):
        return False
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(temporary).chmod(0o644)  # a shared environment is read by other users than the one who installed
        Path(temporary).replace(place)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        return False
    return True


def _prune(folder: Path) -> None:
    """Removes all but the latest index files: a search path that is used no more leaves one behind."""
    found = {file: file.stat().st_mtime_ns for file in folder.glob(f"{index_file.FILE_PREFIX}*")}
    for file in sorted(found, key=found.__getitem__)[:-KEPT_FILES]:
        file.unlink(missing_ok=True)
