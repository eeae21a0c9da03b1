"""The plan of one job: source records against target records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from busway.contracts.fields import FieldPolicy, FieldRule
from busway.contracts.jobs import Job
from busway.contracts.records import Complete, Record
from busway.contracts.runs import Run
from busway.contracts.validators import Validator
from busway.errors import BuswayError
from busway.sync.diff import Comparison
from busway.sync.keys import key_reader
from busway.sync.mapping import Mapped, map_records, safe_label
from busway.sync.payloads import create_fields
from busway.sync.plan import Action, Change, FieldChange, Plan, Unplanned
from busway.sync.target_index import TargetIndex

__all__ = ["make_plan"]

STAYS = "empty in the source, stays as it is in the target"
ORDER = {action: position for position, action in enumerate(Action)}


def make_plan(
    job: Job,
    source_records: Sequence[Record],
    target: Complete[Record],
    managed_ids: frozenset[str],
    *,
    run: Run,
    deactivated_ids: frozenset[str] = frozenset(),
    validators: Sequence[Validator] = (),
    rules: Mapping[str, FieldRule] | None = None,
) -> Plan:
    """Maps ``source_records`` and compares them with ``target``; both must be whole. Nothing is written.

    ``managed_ids`` are the ids of target records that may be deactivated, ``deactivated_ids`` those that Busway did
    deactivate and may reactivate: what a person made inactive stays so. ``rules`` are the job's
    fields, with policies changed by configuration. Changes are sorted by action and key, so the same sides give the
    same plan. Raises what the job's mapping raises for reasons beyond one record.
    """
    planner = _Planner(job, target, managed_ids, deactivated_ids, job.fields if rules is None else rules)
    plan = planner.plan(map_records(job, source_records, run, validators, planner.settles))
    plan.source_count, plan.target_count, plan.target = len(source_records), len(target), target
    plan.created_at_ns, plan.preview = run.clock.now_ns(), run.preview
    return plan


class _Planner:
    """One comparison of the two sides: asked with every source record as it is mapped, then for the plan."""

    __slots__ = (
        "_active_field",
        "_adopted",
        "_blocked",
        "_changed",
        "_comparison",
        "_deactivated",
        "_id_field",
        "_index",
        "_job",
        "_kept",
        "_managed",
        "_plan",
        "_rules",
    )

    def __init__(
        self,
        job: Job,
        target: Iterable[Record],
        managed: frozenset[str],
        deactivated: frozenset[str],
        rules: Mapping[str, FieldRule],
    ) -> None:
        self._job, self._managed, self._deactivated, self._rules = job, managed, deactivated, rules
        self._active_field, self._id_field = job.active_field, job.id_field
        self._blocked = 0
        self._comparison = Comparison(rules)
        self._index = TargetIndex(target, key_reader(job.match_on))
        self._changed: dict[str, tuple[FieldChange, ...]] = {}
        self._kept: dict[str, tuple[str, ...]] = {}
        """Fields by match key that the source has nothing for, and that stay as they are in the target."""
        self._adopted: set[int] = set()
        self._plan = Plan(job.name, job.entity, id_field=job.id_field, deactivates=bool(job.active_field))

    def settles(self, key: str, record: Record) -> bool:
        """Whether the target holds ``record`` as it is, so that nothing of it is needed for the plan."""
        current = self._index.only(key)
        if current is None:
            return False
        try:
            fields = self._changes(key, record, current)
        except Exception:  # the record is kept, and compared and accounted when the plan is made
            return False
        if fields:
            self._changed[key] = fields
        return not fields and not self._is_inactive(current)

    def plan(self, mapped: Mapped) -> Plan:
        """The plan of what was mapped."""
        self._plan.skipped, self._plan.invalid, self._plan.merged = mapped.skipped, mapped.invalid, mapped.merged
        self._count_settled(mapped)
        unmatched = self._match(mapped)
        for key, record in self._without_adopted(unmatched):
            label = safe_label(self._job, record, "(unreadable)")
            fields = create_fields(self._rules, record)
            self._plan.changes.append(Change(Action.CREATE, key, label, record, None, fields))
        if self._active_field:
            self._deactivate_absent(mapped)
        self._warn(mapped)
        self._plan.changes.sort(key=attrgetter("key"))
        self._plan.changes.sort(key=lambda change: ORDER[change.action])
        return self._plan

    def _count_settled(self, mapped: Mapped) -> None:
        by_key, id_of, managed = self._index.by_key, self._id, self._managed
        self._plan.unchanged = len(mapped.settled)
        self._plan.linked = sum(id_of(by_key[key]) not in managed for key in mapped.settled)

    def _match(self, mapped: Mapped) -> list[tuple[str, Record]]:
        """Plans every source record whose key the target has; returns the others."""
        unmatched: list[tuple[str, Record]] = []
        by_key, doubled = self._index.by_key, self._index.doubled
        for key, record in mapped.records.items():
            current = by_key.get(key)
            if current is None:
                unmatched.append((key, record))
            elif key in doubled:
                reason = f"{len(doubled[key])} target records have this match key: {self._ids(doubled[key])}"
                self._ambiguous(key, record, reason)
            else:
                self._compare(key, record, current)
        return unmatched

    def _compare(self, key: str, record: Record, current: Record) -> None:
        """One matched pair: unchanged, an update or a reactivation."""
        managed = self._id(current) in self._managed
        if not managed:
            self._plan.linked += 1
        fields = self._changed.pop(key, None)
        if fields is None:
            fields = self._fields(key, record, current)
        if fields is None:
            return
        if managed and self._may_reactivate(current):
            self._change(Action.REACTIVATE, key, record, current, fields)
        elif fields:
            self._change(Action.UPDATE, key, record, current, fields)
        else:
            self._plan.unchanged += 1

    def _changes(self, key: str, record: Record, current: Record) -> tuple[FieldChange, ...]:
        changes = self._comparison.changes(record, current)
        if self._comparison.kept:
            self._kept[key] = (*self._comparison.kept,)
        return changes

    def _fields(self, key: str, record: Record, current: Record) -> tuple[FieldChange, ...] | None:
        """The changed fields; ``None`` once a rule's own code failed on the pair and it is accounted as invalid."""
        try:
            return self._changes(key, record, current)
        except BuswayError:
            raise
        except Exception as error:
            label = safe_label(self._job, record, "(unreadable)")
            reason = f"comparing its fields raised {type(error).__name__}"
            self._plan.invalid.append(Unplanned(key, label, (reason,), "match", "BW6002", record))
            return None

    def _change(
        self,
        action: Action,
        key: str,
        record: Record,
        current: Record,
        fields: tuple[FieldChange, ...],
        *,
        adopts: bool = False,
    ) -> None:
        label = safe_label(self._job, record, "(unreadable)")
        self._plan.changes.append(Change(action, key, label, record, current, fields, adopts))

    def _without_adopted(self, unmatched: list[tuple[str, Record]]) -> list[tuple[str, Record]]:
        """Adopts what the job's further keys match; returns the records to create."""
        for adopt_on in self._job.adopt_on:
            candidates: dict[str, list[Record]] = {}
            for current in self._index.keyless:
                if id(current) not in self._adopted and (other := adopt_on.of(current)) is not None:
                    candidates.setdefault(other, []).append(current)
            if not candidates:
                continue
            seekers: dict[str, list[tuple[str, Record]]] = {}
            rest: list[tuple[str, Record]] = []
            for key, record in unmatched:
                other = adopt_on.of(record)
                if other is not None and other in candidates:
                    seekers.setdefault(other, []).append((key, record))
                else:
                    rest.append((key, record))
            for other, pairs in seekers.items():
                self._adopt(pairs, candidates[other])
            unmatched = rest
        return unmatched

    def _adopt(self, pairs: list[tuple[str, Record]], candidates: list[Record]) -> None:
        """One source record and one target record that share an adoption key, or all of them ambiguous."""
        self._adopted.update(map(id, candidates))
        if len(pairs) > 1 or len(candidates) > 1:
            reason = f"{len(pairs)} source records and {len(candidates)} target records share an adoption key"
            for key, record in pairs:
                self._ambiguous(key, record, f"{reason}: {self._ids(candidates)}")
            return
        (key, record), current = pairs[0], candidates[0]
        fields = self._fields(key, record, current)
        if fields is None:
            return
        managed = self._id(current) in self._managed
        fields = self._with_match_key(record, current, fields)
        if managed and self._may_reactivate(current):
            self._change(Action.REACTIVATE, key, record, current, fields)
        elif fields or not managed:
            self._change(Action.UPDATE, key, record, current, fields, adopts=not managed)
        else:
            self._plan.unchanged += 1

    def _with_match_key(
        self, record: Record, current: Record, fields: tuple[FieldChange, ...]
    ) -> tuple[FieldChange, ...]:
        """Adds the match key whatever its policy: an adopted record that stays without it is adopted for ever."""
        named = {one.name for one in fields}
        added = [
            FieldChange(name, current.get(name), record.get(name), rule.is_personal)
            for name in self._job.match_on.fields
            if (rule := self._rules.get(name)) and rule.policy is not FieldPolicy.NEVER and name not in named
        ]
        return (*fields, *added)

    def _deactivate_absent(self, mapped: Mapped) -> None:
        """Managed, active and in no record of the source, mapped or not."""
        present, may_hold = mapped.presence.keys, mapped.presence.may_hold
        spared = 0
        for key in self._index.by_key:
            if key in present:
                continue
            for one in self._index.of(key):
                if self._is_inactive(one) or self._id(one) not in self._managed:
                    continue
                if may_hold(key):
                    spared += 1
                    continue
                label = safe_label(self._job, one, "(unreadable)")
                self._plan.changes.append(Change(Action.DEACTIVATE, key, label, {}, one))
        if spared:
            self._plan.warnings.append(
                f"{spared:,} managed target records stay active: {mapped.presence.unidentified:,} source records were "
                "skipped or failed before their key was known and may be theirs"
            )

    def _warn(self, mapped: Mapped) -> None:
        if self._blocked:
            self._plan.warnings.append(
                f"{self._blocked:,} managed target records were made inactive by somebody else and stay so"
            )
        # Records that were taken out since, because another one has their key, are told for that.
        ours = (names for key, names in self._kept.items() if key in mapped.settled or key in mapped.records)
        kept = Counter(f"{name}: {STAYS}" for names in ours for name in names)
        for text, number in (*mapped.warnings.items(), *sorted(kept.items())):
            self._plan.warnings.append(text if number == 1 else f"{text} ({number:,} records)")
        if self._index.doubled:
            self._plan.warnings.append(f"{len(self._index.doubled):,} match keys occur more than once in the target")

    def _ambiguous(self, key: str, record: Record, reason: str) -> None:
        label = safe_label(self._job, record, "(unreadable)")
        self._plan.invalid.append(Unplanned(key, label, (reason,), "match", record=record))

    def _may_reactivate(self, current: Record) -> bool:
        """Whether ``current`` is inactive by our doing; one that a person made inactive is counted and left so."""
        if not self._is_inactive(current):
            return False
        ours = self._id(current) in self._deactivated
        self._blocked += not ours
        return ours

    def _is_inactive(self, current: Record) -> bool:
        if not self._active_field:
            return False
        value = current.get(self._active_field)
        return not value or value == "0"  # some targets answer flags as text

    def _id(self, current: Record) -> str:
        return str(current.get(self._id_field, ""))

    def _ids(self, records: list[Record]) -> str:
        return "ids " + ", ".join(self._id(record) for record in records[:5])
