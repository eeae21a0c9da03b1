"""The index file: where it lives, and whether what it says is still true.

An index is current when every folder of the search path has the times and the number of entries it had when the
index was built, and every file that contributed has its time and size. Both are a `stat` away, which is why no
plugin search runs at a usual start.
"""
# pathlib costs more to import than everything this module does, hence `os`.
# ruff: noqa: PTH100, PTH111, PTH116, PTH118, PTH120, PTH123, PTH208

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FORMAT = 1
FILE_NAME = ".busway-plugins.json"

_memory: dict[tuple[str, ...], dict[str, Any]] = {}
"""The index of this process, by search path, for when no place can be written."""


def search_folders(path: Sequence[str] | None) -> list[str]:
    """The absolute folders of `path` (default `sys.path`), each once, in order."""
    found: dict[str, None] = {}
    for folder in sys.path if path is None else path:
        try:
            found[os.path.abspath(folder)] = None
        except OSError:  # the working folder was deleted, and the entry is relative to it
            continue
    return list(found)


def places(folders: Sequence[str], only: os.PathLike[str] | None = None) -> list[str]:
    """Files that may hold the index, best first.

    A place inside a searched folder is left out: writing there changes the folder, so the index would be stale
    from the moment it exists.
    """
    if only is not None:
        candidates = [os.path.abspath(only)]
    else:
        caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        shared = f"plugins-{crc32(sys.prefix.encode(errors='surrogateescape')):08x}.json"
        candidates = [os.path.join(sys.prefix, FILE_NAME), os.path.join(caches, "busway", shared)]
    return [place for place in candidates if os.path.dirname(place) not in folders]


def current_documents(folders: Sequence[str], files: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Those of the kept indexes that are still true for `folders`."""
    state = folder_states(folders)
    for document in _documents(folders, files):
        try:
            current = document["folders"] == state and document["files"] == file_states(document["files"])
        except (KeyError, TypeError, IndexError, ValueError):
            continue
        if current:
            yield document


def keep_in_memory(folders: Sequence[str], document: dict[str, Any]) -> None:
    """Keeps `document` for this process."""
    _memory[tuple(folders)] = document


def _documents(folders: Sequence[str], files: Sequence[str]) -> Iterator[dict[str, Any]]:
    for file in files:
        document = _read(file)
        if document is not None:
            yield document
    kept = _memory.get(tuple(folders))
    if kept is not None:
        yield kept


def _read(file: str) -> dict[str, Any] | None:
    """The document in `file`; None when there is none that this version understands."""
    try:
        with open(file, "rb") as stream:
            document = json.loads(stream.read())
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and document.get("format") == FORMAT else None


def folder_states(folders: Sequence[str]) -> list[list[Any]]:
    """`[folder, mtime_ns, ctime_ns, entries]` of each; `[folder]` for one that is not there."""
    return [[folder, *_folder_state(folder)] for folder in folders]


def _folder_state(folder: str) -> tuple[int, ...]:
    try:
        status = os.stat(folder)
        try:
            entries = len(os.listdir(folder))
        except NotADirectoryError:  # a zip archive on the path
            entries = status.st_size
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_ctime_ns, entries


def file_states(files: Sequence[Any]) -> list[list[Any]]:
    """`[file, mtime_ns, ctime_ns, size]` of the file named first in each of `files`; `[file]` if it is gone."""
    return [[file[0], *_file_state(file[0])] for file in files]


def _file_state(file: str) -> tuple[int, ...]:
    try:
        status = os.stat(file)
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size
