"""From a migration to the files: what has to be true before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from busway.errors import HeldError, UsageError
from busway_migrate.files import FileList, changed_in_git
from busway_migrate.journal import Entry, journal_of
from busway_migrate.tree import Migration
from busway_migrate.writer import finish, write_all

__all__ = ["make_ready", "write_changes"]


def make_ready(listing: FileList, paths: Sequence[Path], *, write: bool, allow_dirty: bool) -> list[str]:
    """Finishes a write that was cut short, and refuses to write what git could not bring back.

    Returns what a person should know. Raises ``HeldError`` BW7507 when a write was cut short and this run is not to
    write; ``UsageError`` BW7509 for a dirty tree.
    """
    journal = journal_of(listing.top)
    if journal.exists():
        if not write:
            raise HeldError(
                "BW7507",
                "an earlier busway migrate --write was cut short",
                where=str(journal.path),
                why="some files are written and some are not",
                fix="busway migrate --write PATH finishes it",
            )
        written, left = finish(journal)
        told = [f"a write that was cut short is finished: {len(written)} files written"]
        return told + [f"{path} was changed meanwhile, and is left as it is" for path in left]
    if write and listing.in_git and not allow_dirty:
        _refuse_dirty(listing.top, paths)
    return []


def _refuse_dirty(top: Path, paths: Sequence[Path]) -> None:
    dirty = changed_in_git(top, [Path.cwd() / path for path in paths])
    if dirty:
        more = f" and {len(dirty) - 1} more" if len(dirty) > 1 else ""
        raise UsageError(
            "BW7509",
            "the tree has changes that are not committed",
            where=f"{dirty[0]}{more}",
            why="git could not bring them back, and the diff would show them together with what is changed now",
            fix="git stash, or git commit; or say --allow-dirty",
        )


def write_changes(listing: FileList, migration: Migration) -> None:
    """Writes all changes, or none. Raises what :func:`busway_migrate.writer.write_all` raises."""
    entries = [Entry(change.path, change.old, change.new) for change in migration.changes]
    if entries:
        write_all(journal_of(listing.top), entries)
