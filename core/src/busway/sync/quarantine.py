"""Quarantine: a record that failed is not sent again until something gives a reason to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from busway.contracts.fields import FieldRule
from busway.contracts.jobs import Job
from busway.contracts.records import Record
from busway.stores.quarantine import QuarantinedRecord
from busway.sync.digests import RecordDigests
from busway.sync.plan import Action, Change, Plan, Unplanned

__all__ = ["IN_PART", "Sieve", "sent_record"]

IN_PART = frozenset({"partial", "ignored"})
"""Reasons of records that are in the target, but for some fields."""

Known = Mapping[str, QuarantinedRecord]
"""What is in quarantine, by key digest."""


@dataclass(frozen=True, slots=True)
class Sieve:
    """Takes out of a plan what failed before and would fail again.

    :param version: of the mapping, with that of the plugin it is from.
    :param wrote_ns: when a job last wrote, nanoseconds since the epoch; 0 = never.
    """

    job: Job
    rules: Mapping[str, FieldRule]
    digests: RecordDigests
    version: str
    now_ns: int
    wrote_ns: Callable[[str], int]

    def sift(self, plan: Plan, entries: Iterable[QuarantinedRecord]) -> None:
        """Moves records of ``plan`` to its ``quarantined``, and notes which of ``entries`` are over."""
        known = {entry.key_digest: entry for entry in entries}
        if not known:
            return
        met: set[str] = set()
        plan.changes = [one for change in plan.changes if (one := self._change(plan, change, known, met)) is not None]
        plan.invalid = [one for one in plan.invalid if not self._fails_again(plan, one, known, met)]
        plan.recovered = [*known.keys() - met]

    def _change(self, plan: Plan, change: Change, known: Known, met: set[str]) -> Change | None:
        """``change`` as it is to be tried; ``None`` when it is not."""
        entry = _met(self.digests.key(change.key), known, met)
        if entry is None:
            return change
        if entry.reason in IN_PART and not self._is_released(entry):
            return self._without_refused(plan, change, entry)
        if self._may_try(entry, change):
            return change
        self._keep_out(plan, entry, Unplanned(change.key, change.label, (entry.what,), change.action.value, entry.code))
        return None

    def _fails_again(self, plan: Plan, one: Unplanned, known: Known, met: set[str]) -> bool:
        """Whether an invalid record is known to be, just as it is."""
        entry = _met(self.digest_of(one), known, met)
        if entry is None or self._is_released(entry) or entry.mapping_version != self.version:
            return False
        same = entry.action == one.stage and entry.record_digest == self.record_digest(one)
        if same:
            self._keep_out(plan, entry, one)
        return same

    def digest_of(self, one: Unplanned) -> str:
        """What an invalid record is known by."""
        return self.digests.key(one.key) if one.key else self.digests.unkeyed(one.record, one.label)

    def record_digest(self, one: Unplanned) -> str:
        """What an invalid record holds."""
        return self.digests.record(one.record or {})

    def _keep_out(self, plan: Plan, entry: QuarantinedRecord, one: Unplanned) -> None:
        if entry.state == "dismissed":
            plan.skipped.append(replace(one, reasons=(f"dismissed by {entry.actor}: {entry.note}",)))
        else:
            plan.quarantined.append(one)

    def _is_released(self, entry: QuarantinedRecord) -> bool:
        return entry.state == "released"

    def _may_try(self, entry: QuarantinedRecord, change: Change) -> bool:
        if self._is_released(entry) or entry.mapping_version != self.version or entry.action != change.action.value:
            return True
        if entry.next_ns and self.now_ns >= entry.next_ns:
            return True
        return self._differs(entry, sent_record(change)) or self._was_waited_for(entry)

    def _differs(self, entry: QuarantinedRecord, record: Record) -> bool:
        """Whether a failing field holds something else; the whole record where nobody named a field."""
        if entry.fields:
            return self.digests.fields(record, entry.fields) != dict(entry.fields)
        return self.digests.record(record) != entry.record_digest

    def _was_waited_for(self, entry: QuarantinedRecord) -> bool:
        """Whether a job that the failing fields refer to has written since; any reference, where none was named."""
        rules = self.rules
        names = [name for name in entry.fields if name in rules] if entry.fields else [*rules]
        referred = {rules[name].refers_to for name in names} - {""}
        return any(self.wrote_ns(job) > entry.last_ns for job in referred)

    def _without_refused(self, plan: Plan, change: Change, entry: QuarantinedRecord) -> Change | None:
        """``change`` without the fields that the target did not take as they are; ``None`` when nothing else is left.

        The record stays in the quarantine, and counts as one that is in the target in part.
        """
        now = self.digests.fields(change.record, entry.fields)
        refused = {name for name, digest in entry.fields.items() if now[name] == digest}
        if entry.mapping_version != self.version or not refused or change.action is Action.DEACTIVATE:
            return change
        plan.partial += 1
        fields = tuple(one for one in change.fields if one.name not in refused)
        if fields or change.action is not Action.UPDATE or change.adopts:
            return replace(change, fields=fields)
        plan.unchanged += 1
        return None


def _met(digest: str, known: Known, met: set[str]) -> QuarantinedRecord | None:
    entry = known.get(digest)
    if entry is not None:
        met.add(digest)
    return entry


def sent_record(change: Change) -> Record:
    """The record a failure of ``change`` is about: the new one, or for a deactivation the one that is there."""
    return (change.current or {}) if change.action is Action.DEACTIVATE else change.record
