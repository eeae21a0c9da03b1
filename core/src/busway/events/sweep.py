"""Deletes journals that nobody needs any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from busway.events.books import meant_for
from busway.events.journal_reader import JournalFolder
from busway.stores.state import StateStore

__all__ = ["sweep_journals"]


def sweep_journals(
    folder: JournalFolder,
    state: StateStore,
    receives: Mapping[str, frozenset[str]],
    before_delete: Callable[[], None],
) -> int:
    """Deletes every file whose writer is gone and that all sinks have read to its end; returns how many.

    :param receives: the selected sinks of the whole installation, and what they receive.
    :param before_delete: reads what has to be read from the files first (the digest's counts).
    """
    done = [file for file in folder.files() if folder.writer_is_gone(file) and _is_read(folder, state, receives, file)]
    if done:
        before_delete()
    return sum(_delete(folder, state, receives, file) for file in done)


def _is_read(folder: JournalFolder, state: StateStore, sinks: Mapping[str, frozenset[str]], file: str) -> bool:
    size = folder.size(file)
    return all(state.cursors.of(sink).get(file, 0) >= size for sink in sinks)


def _delete(folder: JournalFolder, state: StateStore, receives: Mapping[str, frozenset[str]], file: str) -> bool:
    """In one transaction, so that of two processes that sweep only one moves the file's numbers to the sum."""
    with state.transaction():
        if not (folder.path / file).exists():
            return False
        counts = folder.count(file, 0, folder.size(file))
        emitted = {sink: meant_for(counts, kinds) for sink, kinds in receives.items()}
        state.sink_counts.close_file(file, emitted)
        state.cursors.forget(file)
        (folder.path / file).unlink()
    return True
