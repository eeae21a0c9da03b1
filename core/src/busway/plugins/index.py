"""What is installed: the entry points of all plugins, answered from an index file instead of a search.

Every start of the command line asks this module, so its warm path imports `os` and `json` and little else;
`importlib_metadata` is imported only when the index has to be built anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

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
    """A distribution whose metadata could not be read, so that its plugins are unknown."""

    path: str
    reason: str


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
        """Distributions that look like ours and could not be read; `busway doctor` shows them."""
        return self._unreadable

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Index:
        """The index kept in `document`. Raises `KeyError`, `TypeError` or `ValueError` when it is not one."""
        return cls(
            [_row(IndexEntry, row) for row in document["plugins"]],
            [_row(CommandEntry, row) for row in document["commands"]],
            [_row(UnreadableEntry, row) for row in document["unreadable"]],
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
    places = index_file.places(folders, cache_file)
    if not refresh:
        for document in index_file.current_documents(folders, places):
            try:
                return Index.from_document(document)
            except (KeyError, TypeError, ValueError):
                continue  # damaged: the rebuild below replaces it
    from busway.plugins.index_build import build_document

    return Index.from_document(build_document(folders, places))


def _row(shape: Any, row: Any) -> Any:
    """The JSON array `row` as the tuple `shape`, or `ValueError`: a half-written file must not become a plugin."""
    made = shape(*row)
    for field, value in made._asdict().items():
        if not isinstance(value, int if field == "contract" else str):
            raise ValueError(f"{field} is not what an index holds")
    return made
