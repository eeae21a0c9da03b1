"""What is installed: the entry points of all plugins, answered from an index file instead of a search.

Every start of the command line asks this module, so its warm path imports `os` and `zlib` and little else;
`importlib_metadata` is imported only when the index has to be built anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from busway.plugins import index_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["CONTRACT", "CommandEntry", "Index", "IndexEntry", "UnreadableEntry", "load_index"]

CONTRACT = 1
"""The contract version this core speaks. A copy of `hookspecs.CONTRACT_VERSION`, whose module imports pydantic."""


class IndexEntry(NamedTuple):
    """One entry point of a group `busway.v<contract>.<kind>`."""

    kind: str
    contract: int
    """0 when the group names no version."""
    name: str
    value: str
    """`module` or `module:attribute`, as the distribution declares it."""
    distribution: str
    version: str
    path: str = ""
    """The `entry_points.txt` that declares it; empty when it is not a file (a distribution in a zip archive)."""


class CommandEntry(NamedTuple):
    """One command of the command line, from the group `busway.v1.commands`."""

    name: str
    value: str
    distribution: str
    version: str
    help: str
    """The distribution's Summary."""


class UnreadableEntry(NamedTuple):
    """Something that is meant for us and cannot be used: damaged metadata, or an entry point in no group of ours."""

    path: str
    """The metadata folder or file."""
    reason: str
    """What is wrong; it names distribution and version where they are known, and what to do."""


class Index:
    """The plugins and commands of all installed distributions. Nothing of them is imported."""

    def __init__(
        self,
        plugins: Sequence[IndexEntry] = (),
        commands: Sequence[CommandEntry] = (),
        unreadable: Sequence[UnreadableEntry] = (),
    ) -> None:
        self._plugins = tuple(plugins)
        self._commands = tuple(commands)
        self._unreadable = tuple(unreadable)

    def entries(self, kind: str) -> Sequence[IndexEntry]:
        """Entry points of `kind` that speak this core's contract, by name and distribution."""
        return [entry for entry in self._plugins if entry.kind == kind and entry.contract == CONTRACT]

    def incompatible(self, kind: str) -> Sequence[IndexEntry]:
        """Entry points of `kind` that speak another contract version and have no twin that speaks ours."""
        ours = {(entry.distribution, entry.name) for entry in self.entries(kind)}
        others = (entry for entry in self._plugins if entry.kind == kind and entry.contract != CONTRACT)
        return [entry for entry in others if (entry.distribution, entry.name) not in ours]

    def commands(self) -> Sequence[CommandEntry]:
        """Commands that distributions add to the command line, by name and distribution."""
        return self._commands

    def unreadable(self) -> Sequence[UnreadableEntry]:
        """What looks like ours and could not be read or understood."""
        return self._unreadable

    @classmethod
    def from_document(cls, document: index_file.Document) -> Index:
        """The index that `document` holds."""
        return cls(
            [IndexEntry(kind, int(contract), *rest) for kind, contract, *rest in document.plugins],
            [CommandEntry(*row) for row in document.commands],
            [UnreadableEntry(*row) for row in document.unreadable],
        )


def load_index(
    *,
    refresh: bool = False,
    path: Sequence[str] | None = None,
    cache_file: Path | None = None,
) -> Index:
    """Answer what is installed, from the index file when that is current, else by a new search.

    :param refresh: search anew even if the index file looks current.
    :param path: folders to search instead of `sys.path`.
    :param cache_file: the only place of the index file, instead of `sys.prefix` and the user's cache folder.

    An index file that is missing, stale, corrupt or unreadable is rebuilt; no state of it is an error.
    """
    folders = index_file.search_folders(path)
    if not refresh:
        for document in index_file.current_documents(folders, index_file.places(folders, cache_file)):
            return Index.from_document(document)
    from busway.plugins.index_build import build_document

    return Index.from_document(build_document(folders, index_file.places(folders, cache_file)))
