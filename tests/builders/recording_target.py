"""A target in memory that writes down every call and fails when told to, and a job that syncs to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from busway.contracts.fields import FieldRule, always, create_only
from busway.contracts.jobs import Job
from busway.contracts.keys import MatchKey, exact
from busway.contracts.records import Complete, Record, Skip
from busway.contracts.runs import Run

Fault = Callable[[str, Record], Exception | None]
"""Operation and payload to the exception to raise, or ``None``."""


@dataclass
class RecordingTarget:
    """Records by id; ``ledger`` holds every write that was carried out as (operation, id, payload)."""

    records: dict[str, Record] = field(default_factory=dict)
    ledger: list[tuple[str, str, Record]] = field(default_factory=list)
    attempts: int = 0
    fault: Fault | None = None
    """Asked before a write is carried out."""
    fault_after: Fault | None = None
    """Asked after a write is carried out: its answer is lost."""
    read_error: Exception | None = None
    reads: int = 0
    last_id: int = 0

    @classmethod
    def holding(cls, *records: Record) -> RecordingTarget:
        target = cls()
        for record in records:
            target.last_id += 1
            new_id = record.get("id", f"t{target.last_id}")
            target.records[new_id] = {"active": 1, **record, "id": new_id}
        return target

    def read(self) -> Complete[Record]:
        self.reads += 1
        if self.read_error is not None:
            raise self.read_error
        return Complete([dict(record) for record in self.records.values()])

    def create(self, payload: Record) -> Record:
        self._before("create", payload)
        self.last_id += 1
        new_id = f"t{self.last_id}"
        self.records[new_id] = {"active": 1, **payload, "id": new_id}
        return self._carried_out("create", new_id, payload)

    def update(self, target_id: str, payload: Record, operation: str = "update") -> Record:
        self._before(operation, payload)
        self.records[target_id] = {**self.records[target_id], **payload}
        return self._carried_out(operation, target_id, payload)

    def operations(self) -> list[tuple[str, str]]:
        return [(operation, target_id) for operation, target_id, _ in self.ledger]

    def _before(self, operation: str, payload: Record) -> None:
        self.attempts += 1
        error = self.fault(operation, payload) if self.fault else None
        if error is not None:
            raise error

    def _carried_out(self, operation: str, target_id: str, payload: Record) -> Record:
        self.ledger.append((operation, target_id, dict(payload)))
        error = self.fault_after(operation, payload) if self.fault_after else None
        if error is not None:
            raise error
        return dict(self.records[target_id])


class PeopleJob(Job):
    """People with a number, a name, an e-mail address and a town."""

    name = "people"
    entity = "person"
    match_on: ClassVar[MatchKey] = exact("number")
    fields: ClassVar[Mapping[str, FieldRule]] = {
        "number": create_only,
        "name": always.personal(),
        "email": always.personal().optional(),
        "town": always,
    }
    active_field = "active"

    def __init__(self, source: Iterable[Record] = (), target: RecordingTarget | None = None, **changed: Any) -> None:
        self.people: Any = source
        self.remote = target if target is not None else RecordingTarget()
        for attribute, value in changed.items():
            setattr(self, attribute, value)

    def source(self, run: Run) -> Iterator[Record]:
        yield from self.people

    def target(self, run: Run) -> Complete[Record]:
        return self.remote.read()

    def map(self, record: Record, run: Run) -> Record | Skip:
        if "skip" in record:
            return Skip(record["skip"])
        if "broken" in record:
            raise ValueError(record["broken"])
        return record

    def create(self, record: Record) -> Record:
        return self.remote.create(record)

    def update(self, current: Record, changes: Record) -> Record:
        return self.remote.update(current["id"], changes)

    def deactivate(self, current: Record) -> Record:
        return self.remote.update(current["id"], {"active": 0}, "deactivate")

    def reactivate(self, current: Record, changes: Record) -> Record:
        return self.remote.update(current["id"], {**changes, "active": 1}, "reactivate")


def person(number: int, /, **fields: Any) -> Record:
    """A synthetic person of the source."""
    return {
        "number": str(number),
        "name": f"Name{number}",
        "email": f"p{number}@example.test",
        "town": "Springfield",
        **fields,
    }
