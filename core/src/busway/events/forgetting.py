"""Erases one record's traces from what Busway keeps of events.

Erased are its rows of the ledger, its lines in journals that are not swept yet, and its dead letters. What stays of
each event is that it happened: id, time, category, operation, kind of record and session, so that counts stay true.
Lines of journals are overwritten where they stand, with spaces up to the old length: cursors are offsets, and a
writer that appends is not disturbed. Who reads such a line at that very moment may find it damaged, and counts it so.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from busway.events.journal_line import decode_line, framed
from busway.events.journal_reader import JournalFolder
from busway.events.ledger_database import LedgerDatabase
from busway.events.ledger_schema import LEDGER_DB
from busway.stores.state import StateStore
from busway.stores.state_dir import JOURNAL

__all__ = ["Forgotten", "forget"]

ERASED = ""
_FIND = "SELECT event_id, operation FROM events WHERE entity_type = ? AND entity_id = ?"
_ERASE = "UPDATE events SET entity_id = NULL, attributes = ?, error_message = NULL WHERE event_id = ?"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was erased, or would be."""

    ledger: int
    """Events of the ledger."""
    journals: int
    """Lines of journals."""
    dead_letters: int
    copies: tuple[str, ...] = ()
    """Files of the state folder that may still hold it and are not ours to change: backups, damaged ledgers."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.ledger + self.journals + self.dead_letters


def forget(state: StateStore, entity_type: str, entity_id: str, *, dry_run: bool = False) -> Forgotten:
    """Erases what is kept of one record; with ``dry_run`` only counts it."""
    folder = JournalFolder(state.state_dir / JOURNAL)
    # Journals first: what the ledger has not read yet is then read erased.
    journals = sum(_in_journal(folder.path / file, entity_type, entity_id, dry_run) for file in folder.files())
    letters = _in_dead_letters(state, entity_type, entity_id, dry_run)
    ledger = _in_ledger(state.state_dir, entity_type, entity_id, dry_run)
    return Forgotten(ledger, journals, letters, tuple(_copies(state.state_dir)))


def erased(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record without what tells of whom it is; never longer than it was."""
    facts, error = record.get("attributes"), record.get("error")
    operation = facts.get("operation") if isinstance(facts, dict) else None
    return {
        **record,
        "entity_id": ERASED,
        "attributes": {"operation": operation} if operation is not None else {},
        "error": {**error, "message": ERASED} if isinstance(error, dict) else error,
    }


def _in_journal(path: Path, entity_type: str, entity_id: str, dry_run: bool) -> int:
    count, offset = 0, 0
    needle = orjson.dumps(entity_id)
    with path.open("rb") as stream:
        for raw in stream:
            start, offset = offset, offset + len(raw)
            record = decode_line(raw) if needle in raw and raw.endswith(b"\n") else None
            if record is None or (record.get("entity_type"), record.get("entity_id")) != (entity_type, entity_id):
                continue
            count += 1
            if not dry_run:
                _overwrite(path, start, raw, record)
    return count


def _overwrite(path: Path, start: int, raw: bytes, record: Mapping[str, Any]) -> None:
    body = orjson.dumps(erased(record)).ljust(len(raw) - len(framed(b"")))
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, framed(body), start)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _in_dead_letters(state: StateStore, entity_type: str, entity_id: str, dry_run: bool) -> int:
    count = 0
    with state.transaction() as connection:
        connection.execute("PRAGMA secure_delete = ON")
        for sink, event_id, event in connection.execute("SELECT sink, event_id, event FROM dead_letters").fetchall():
            record = orjson.loads(event)
            if (record.get("entity_type"), record.get("entity_id")) != (entity_type, entity_id):
                continue
            count += 1
            if not dry_run:
                row = (orjson.dumps(erased(record)), sink, event_id)
                connection.execute(
                    "UPDATE dead_letters SET event = ?, reason = '' WHERE sink = ? AND event_id = ?", row
                )
    if count and not dry_run:
        _checkpoint(state.state_dir / "state.db")
    return count


def _in_ledger(state_dir: Path, entity_type: str, entity_id: str, dry_run: bool) -> int:
    path = state_dir / LEDGER_DB
    if not path.exists():
        return 0

    def work(connection: sqlite3.Connection) -> int:
        connection.execute("PRAGMA secure_delete = ON")
        rows = connection.execute(_FIND, (entity_type, entity_id)).fetchall()
        if not dry_run:
            connection.executemany(_ERASE, [(_kept(operation), event_id) for event_id, operation in rows])
        return len(rows)

    with closing(LedgerDatabase(state_dir)) as database:
        count = database.write(work)
    if count and not dry_run:
        _checkpoint(path)
    return count


def _kept(operation: str | None) -> str:
    return orjson.dumps({"operation": operation} if operation is not None else {}).decode()


def _checkpoint(path: Path) -> None:
    """The old pages are in the write-ahead log until it is put back and cut off."""
    with closing(sqlite3.connect(path, timeout=5.0)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _copies(state_dir: Path) -> Iterator[str]:
    for pattern in (f"{LEDGER_DB}.damaged*", "*.db.v*.bak"):
        yield from sorted(path.name for path in state_dir.glob(pattern))
