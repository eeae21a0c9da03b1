"""The target as it is in this run: read once, brought up to date by what the run writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from busway.contracts.jobs import Job
from busway.contracts.records import Pending, Record
from busway.sync.payloads import Rules, payload_of
from busway.sync.plan import Action, Change, Plan

__all__ = ["TargetView", "preview"]


class TargetView:
    """Target records of one job, by position; a write replaces the record it was about."""

    __slots__ = ("_places", "_records", "_snapshot")

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = list(records)
        self._places: dict[int, int] | None = None
        """By the identity of a record; made with the first write, since most targets of a run are only looked at."""
        self._snapshot: tuple[Record, ...] | None = None

    def records(self) -> Sequence[Record]:
        """All of them; the same object until something is written, so that a job may keep an index of it."""
        if self._snapshot is None:
            self._snapshot = tuple(self._records)
        return self._snapshot

    def written(self, change: Change, payload: Record, answer: Record) -> None:
        """Takes over what the target answered to ``change``; what it left out is as it was sent."""
        self._snapshot = None
        if self._places is None:
            self._places = {id(record): place for place, record in enumerate(self._records)}
        record = {**(change.current or {}), **payload, **answer}
        # Popped: once the old record is gone, another object may get its id.
        place = self._places.pop(id(change.current), None)
        if place is None:
            place = len(self._records)
            self._records.append(record)
        else:
            self._records[place] = record
        self._places[id(record)] = place


def preview(view: TargetView, plan: Plan, job: Job, rules: Rules) -> None:
    """Brings ``view`` to what it would be after ``plan``; ids that do not exist yet are pending."""
    for change in plan.changes:
        if change.action is Action.DEACTIVATE:
            continue
        payload = payload_of(job, rules, change)
        answer = {job.id_field: Pending(job.name, change.key)} if change.action is Action.CREATE else {}
        view.written(change, payload, answer)
