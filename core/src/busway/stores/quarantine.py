"""Records that failed and wait for a reason to be tried again. Digests and names only, no values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from busway.stores.process_database import ProcessDatabase

__all__ = ["CLASSES", "Quarantine", "QuarantinedRecord"]

CLASSES = ("rejected", "invalid", "broken", "partial", "ignored", "transient")
"""Why a record is here: the target refused it; the job or a validator did; code raised an error of its own; the target
took it without some optional fields; it accepted fields and took over none; it did not serve."""

COLUMNS = (
    "job, key_digest, label, entity, action, reason, code, what, fields, record_digest, mapping_version, attempts, "
    "first_ns, last_ns, next_ns, session_id, state, actor, note, decided_ns"
)
SELECT = f"SELECT {COLUMNS} FROM quarantine"  # noqa: S608 - the columns are ours
INSERT = f"INSERT OR REPLACE INTO quarantine ({COLUMNS}) VALUES ({', '.join('?' * 20)})"  # noqa: S608


@dataclass(frozen=True, slots=True)
class QuarantinedRecord:
    """One record of one job that failed. Times are nanoseconds since the epoch."""

    job: str
    key_digest: str
    """Keyed digest of the match key; of the whole source record where it has none."""
    label: str
    """How the job names the record; no personal data."""
    entity: str
    action: str
    """``create``, ``update``, ``deactivate``, ``reactivate``; ``map``, ``validate`` or ``match`` before one was
    planned."""
    reason: str
    """Its class, as the command line calls it: one of :data:`CLASSES`."""
    code: str
    what: str
    """For people, without values."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The failing fields and keyed digests of what they hold; empty when nobody named one."""
    record_digest: str = ""
    """Keyed digest of all that would be sent."""
    mapping_version: str = ""
    attempts: int = 1
    first_ns: int = 0
    last_ns: int = 0
    next_ns: int = 0
    """When it is tried again by itself; 0 = only for a reason."""
    session_id: str = ""
    """Of the last attempt."""
    state: str = "waiting"
    """``waiting``; ``released``: the next run tries it; ``dismissed``: nobody wants to hear of it."""
    actor: str = ""
    """Who released or dismissed it."""
    note: str = ""
    """Why, in their words."""
    decided_ns: int = 0

    @property
    def record_id(self) -> str:
        """What people call it by on the command line: the first 12 digits of its digest."""
        return self.key_digest[:12]

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: everything but digests of values."""
        names = ("job", "label", "entity", "action", "code", "what", "mapping_version", "attempts")
        times = ("first_ns", "last_ns", "next_ns", "session_id", "state", "actor", "note", "decided_ns")
        return {
            "id": self.record_id,
            **{name: getattr(self, name) for name in names},
            "class": self.reason,
            "fields": sorted(self.fields),
            **{name: getattr(self, name) for name in times},
        }


class Quarantine:
    """The quarantined records of all jobs."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def of(self, job: str | None = None) -> list[QuarantinedRecord]:
        """Those of one job, or all: the latest first."""
        sql = f"{SELECT} WHERE ? IS NULL OR job = ? ORDER BY last_ns DESC, job, key_digest"
        return [_record(row) for row in self._database.rows(sql, (job, job))]

    def count(self, job: str | None = None) -> int:
        """How many there are that somebody may want to hear of."""
        sql = "SELECT count(*) FROM quarantine WHERE (? IS NULL OR job = ?) AND state <> 'dismissed'"
        return int(self._database.rows(sql, (job, job))[0][0])

    def put(self, record: QuarantinedRecord) -> None:
        """Keeps ``record``, in place of what was known of it."""
        self.put_many((record,))

    def put_many(self, records: Iterable[QuarantinedRecord]) -> None:
        """Keeps many, in one transaction."""
        with self._database.transaction() as connection:
            connection.executemany(INSERT, map(_row, records))

    def remove(self, job: str, key_digests: Iterable[str]) -> int:
        """Lets records go; returns how many were there."""
        sql = "DELETE FROM quarantine WHERE job = ? AND key_digest = ?"
        with self._database.transaction() as connection:
            return sum(connection.execute(sql, (job, one)).rowcount for one in key_digests)

    def decide(self, records: Sequence[QuarantinedRecord], state: str, actor: str, note: str, at_ns: int) -> int:
        """Releases or dismisses ``records``; returns how many are still there."""
        sql = "UPDATE quarantine SET state = ?, actor = ?, note = ?, decided_ns = ? WHERE job = ? AND key_digest = ?"
        with self._database.transaction() as connection:
            rows = [(state, actor, note, at_ns, one.job, one.key_digest) for one in records]
            return sum(connection.execute(sql, row).rowcount for row in rows)


def _record(row: tuple[Any, ...]) -> QuarantinedRecord:
    values = [*row]
    values[8] = json.loads(row[8])
    return QuarantinedRecord(*values)


def _row(one: QuarantinedRecord) -> tuple[Any, ...]:
    values = tuple(getattr(one, name.strip()) for name in COLUMNS.split(","))
    return (*values[:8], json.dumps(dict(one.fields)), *values[9:])
