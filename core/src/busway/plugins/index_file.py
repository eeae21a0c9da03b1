"""The index file: where it lies, how it is written down, and whether what it says is still true.

An index is current when every folder of the search path, and every file that contributed, has the times, the number of
links and the size it had when the index was built. All of that is one `stat` each, which is why no plugin search runs
at a usual start. The links of a folder count its subfolders, so they count the installed distributions, too; listing a
folder of 500 distributions to count its entries takes longer than all the rest of a start's discovery.

The file is text between NULs, the one character that neither a path nor an entry point can contain: to read it needs
no parser, and `json` alone costs more to import than everything this module does.
"""
# pathlib costs more to import than everything this module does, hence `os`.
# ruff: noqa: PTH100, PTH111, PTH116, PTH117, PTH118, PTH120, PTH123

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Document", "Row", "current_documents", "keep_in_memory", "pack", "places", "search_folders", "states"]

FILE_PREFIX = ".busway-plugins-"
FORMAT = "busway-plugins 2"
SEPARATOR = "\0"

Row = tuple[str, ...]


class Document(NamedTuple):
    """What an index file holds: what it was built from, and what was found."""

    folders: Sequence[Row]
    """Each a path and its state."""
    files: Sequence[Row]
    """The same for files whose change in place changes the answer without touching the folder that is searched."""
    plugins: Sequence[Row]
    commands: Sequence[Row]
    unreadable: Sequence[Row]


_WIDTHS = (2, 2, 7, 5, 2)
"""The number of fields in a row of each part of a document."""
_memory: dict[tuple[str, ...], Document] = {}
"""The index of this process, by search path, for when no place can be written."""


def search_folders(path: Sequence[str] | None) -> list[str]:
    """The absolute folders of `path` (default `sys.path`), each once, in order."""
    found: dict[str, None] = {}
    for folder in sys.path if path is None else path:
        try:
            found[folder if os.path.isabs(folder) else os.path.abspath(folder)] = None
        except OSError:  # the working folder was deleted, and the entry is relative to it
            continue
    return list(found)


def places(folders: Sequence[str], only: os.PathLike[str] | None = None) -> Iterator[str]:
    """Files that may hold the index of `folders`, best first; a usual start asks for the first alone.

    Each search path has a file of its own: the console script, `python -m` and a test run search different folders,
    and would replace one another's index in turn. A place inside a searched folder is left out: writing there
    changes the folder, so the index would be stale from the moment it exists.
    """
    for place in _candidates(folders) if only is None else [os.path.abspath(only)]:
        if os.path.dirname(place) not in folders:
            yield place


def _candidates(folders: Sequence[str]) -> Iterator[str]:
    searched = SEPARATOR.join([sys.prefix, *folders]).encode(errors="surrogateescape")
    name = f"{FILE_PREFIX}{crc32(searched):08x}"
    yield os.path.join(sys.prefix, name)
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    yield os.path.join(caches, "busway", name)


def states(paths: Iterable[str]) -> list[Row]:
    """Each of `paths` with its state now: `mtime_ns ctime_ns links size`, empty when it is not there."""
    return [(path, _state(path)) for path in paths]


def current_documents(folders: Sequence[str], files: Iterable[str]) -> Iterator[Document]:
    """Those of the kept indexes that are still true for `folders`."""
    now = states(folders)
    for document in _documents(folders, files):
        if document.folders == now and document.files == states(path for path, _ in document.files):
            yield document


def keep_in_memory(folders: Sequence[str], document: Document) -> None:
    """Keeps `document` for this process."""
    _memory[tuple(folders)] = document


def pack(document: Document) -> bytes:
    """`document` as the content of a file. Raises `ValueError` for a field that cannot be written down."""
    fields: list[str] = []
    for rows in document:
        fields.append(str(len(rows)))
        for row in rows:
            fields += row
    if any(SEPARATOR in field for field in fields):
        raise ValueError("a field of the index contains a NUL")
    return _sealed(SEPARATOR.join(fields).encode(errors="surrogateescape"))


def _documents(folders: Sequence[str], files: Iterable[str]) -> Iterator[Document]:
    for file in files:
        document = _read(file)
        if document is not None:
            yield document
    kept = _memory.get(tuple(folders))
    if kept is not None:
        yield kept


def _read(file: str) -> Document | None:
    """The document in `file`; None when there is none, it is of another format, or it is damaged."""
    try:
        with open(file, "rb", buffering=0) as stream:
            content = stream.read()
        body = content.split(SEPARATOR.encode(), 2)[2]
        if content != _sealed(body):
            return None
        return _unpack(body.decode(errors="surrogateescape").split(SEPARATOR))
    except (OSError, ValueError, IndexError):
        return None


def _sealed(body: bytes) -> bytes:
    return f"{FORMAT}{SEPARATOR}{crc32(body)}{SEPARATOR}".encode() + body


def _unpack(fields: list[str]) -> Document:
    """The document whose parts are `fields`. Raises `ValueError` or `IndexError` when they are not those of one."""
    parts: list[list[Row]] = []
    position = 0
    for width in _WIDTHS:
        start = position + 1
        position = start + width * int(fields[position])
        flat = iter(fields[start:position])
        parts.append(list(zip(*[flat] * width, strict=True)))
    return Document(*parts)


def _state(path: str) -> str:
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: no name a file can have, such as one with a NUL
        return ""
    return f"{status.st_mtime_ns} {status.st_ctime_ns} {status.st_nlink} {status.st_size}"
