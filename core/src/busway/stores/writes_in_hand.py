"""Writes that have begun: noted before they are sent, so that a kill leaves a trace of what may have happened."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from busway.stores.process_database import ProcessDatabase

__all__ = ["WriteInHand", "WritesInHand"]


@dataclass(frozen=True, slots=True)
class WriteInHand:
    """One write that was about to be sent."""

    job: str
    key_digest: str
    label: str
    action: str
    target_id: str
    """Empty for a create."""
    fields: Sequence[str]
    """Names of what was sent."""
    run_id: str
    at_ns: int


class WritesInHand:
    """Those of all jobs; a row goes when its write is accounted."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def begin(self, write: WriteInHand) -> None:
        """Notes a write before it is sent."""
        row = (*_head(write), json.dumps(list(write.fields)), write.run_id, write.at_ns)
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO writes_in_hand VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def end(self, job: str, key_digests: Iterable[str]) -> None:
        """What became of them is known."""
        with self._database.transaction() as connection:
            sql = "DELETE FROM writes_in_hand WHERE job = ? AND key_digest = ?"
            connection.executemany(sql, [(job, one) for one in key_digests])

    def of(self, job: str) -> list[WriteInHand]:
        """Those nobody has accounted, the oldest first."""
        sql = (
            "SELECT job, key_digest, label, action, target_id, fields, run_id, at_ns FROM writes_in_hand "
            "WHERE job = ? ORDER BY at_ns"
        )
        return [_write(row) for row in self._database.rows(sql, (job,))]


def _head(write: WriteInHand) -> tuple[str, ...]:
    return write.job, write.key_digest, write.label, write.action, write.target_id


def _write(row: tuple[Any, ...]) -> WriteInHand:
    job, key_digest, label, action, target_id, fields, run_id, at_ns = row
    return WriteInHand(job, key_digest, label, action, target_id, json.loads(fields), run_id, at_ns)
