"""The plan of one job: source records against target records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from busway.contracts.fields import FieldPolicy, FieldRule
from busway.contracts.jobs import Job
from busway.contracts.records import Complete, Record
from busway.contracts.runs import Run
from busway.contracts.validators import Validator
from busway.errors import BuswayError
from busway.sync.diff import Comparison
from busway.sync.mapping import Mapped, map_records, safe_label
from busway.sync.payloads import create_fields
from busway.sync.plan import Action, Change, FieldChange, Plan, Unplanned

__all__ = ["make_plan"]

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
    mapped = map_records(job, source_records, run, validators)
    planner = _Planner(job, mapped, target, managed_ids, deactivated_ids, job.fields if rules is None else rules)
    plan = planner.plan()
    plan.source_count, plan.target_count, plan.target = len(source_records), len(target), target
    plan.created_at_ns, plan.preview = run.clock.now_ns(), run.preview
    return plan


class _Planner:
    """One comparison of the two sides."""

    __slots__ = (
        "_adopted",
        "_blocked",
        "_by_key",
        "_comparison",
        "_deactivated",
        "_doubled",
        "_job",
        "_keyless",
        "_managed",
        "_mapped",
        "_plan",
        "_rules",
    )

    def __init__(
        self,
        job: Job,
        mapped: Mapped,
        target: Iterable[Record],
        managed: frozenset[str],
        deactivated: frozenset[str],
        rules: Mapping[str, FieldRule],
    ) -> None:
        self._job, self._mapped, self._managed, self._rules = job, mapped, managed, rules
        self._deactivated = deactivated
        self._blocked = 0
        self._comparison = Comparison(rules)
        self._plan = Plan(job.name, job.entity, skipped=mapped.skipped, invalid=mapped.invalid, merged=mapped.merged)
        self._plan.id_field = job.id_field
        self._by_key: dict[str, Record] = {}
        self._doubled: dict[str, list[Record]] = {}
        self._keyless: list[Record] = []
        self._adopted: set[int] = set()
        self._index(target)

    def plan(self) -> Plan:
        unmatched = self._match()
        for key, record in self._without_adopted(unmatched):
            label = safe_label(self._job, record, "(unreadable)")
            fields = create_fields(self._rules, record)
            self._plan.changes.append(Change(Action.CREATE, key, label, record, None, fields))
        if self._job.active_field:
            self._deactivate_absent()
        self._warn()
        self._plan.changes.sort(key=attrgetter("key"))
        self._plan.changes.sort(key=lambda change: ORDER[change.action])
        return self._plan

    def _index(self, target: Iterable[Record]) -> None:
        key_of, by_key = self._job.match_on.of, self._by_key
        for current in target:
            key = key_of(current)
            if key is None:
                self._keyless.append(current)
            elif by_key.setdefault(key, current) is not current:
                self._doubled.setdefault(key, [by_key[key]]).append(current)

    def _match(self) -> list[tuple[str, Record]]:
        """Plans every source record whose key the target has; returns the others."""
        unmatched: list[tuple[str, Record]] = []
        by_key, doubled = self._by_key, self._doubled
        for key, record in self._mapped.records.items():
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
        fields = self._fields(key, record, current)
        if fields is None:
            return
        if managed and self._may_reactivate(current):
            self._change(Action.REACTIVATE, key, record, current, fields)
        elif fields:
            self._change(Action.UPDATE, key, record, current, fields)
        else:
            self._plan.unchanged += 1

    def _fields(self, key: str, record: Record, current: Record) -> tuple[FieldChange, ...] | None:
        """The changed fields; ``None`` once a rule's own code failed on the pair and it is accounted as invalid."""
        try:
            return self._comparison.changes(record, current)
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
            for current in self._keyless:
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

    def _deactivate_absent(self) -> None:
        """Managed, active and in no record of the source, mapped or not."""
        present, may_hold = self._mapped.keys, self._mapped.may_hold
        spared = 0
        for key, current in self._by_key.items():
            if key in present:
                continue
            for one in self._doubled.get(key, (current,)):
                if self._is_inactive(one) or self._id(one) not in self._managed:
                    continue
                if may_hold(key):
                    spared += 1
                    continue
                label = safe_label(self._job, one, "(unreadable)")
                self._plan.changes.append(Change(Action.DEACTIVATE, key, label, {}, one))
        if spared:
            self._plan.warnings.append(
                f"{spared:,} managed target records stay active: {self._mapped.unidentified:,} source records were "
                "skipped or failed before their key was known and may be theirs"
            )

    def _warn(self) -> None:
        if self._blocked:
            self._plan.warnings.append(
                f"{self._blocked:,} managed target records were made inactive by somebody else and stay so"
            )
        for text, number in self._mapped.warnings.items():
            self._plan.warnings.append(text if number == 1 else f"{text} ({number:,} records)")
        if self._doubled:
            self._plan.warnings.append(f"{len(self._doubled):,} match keys occur more than once in the target")

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
        if not self._job.active_field:
            return False
        value = current.get(self._job.active_field)
        return not value or value == "0"  # some targets answer flags as text

    def _id(self, current: Record) -> str:
        return str(current.get(self._job.id_field, ""))

    def _ids(self, records: list[Record]) -> str:
        return "ids " + ", ".join(self._id(record) for record in records[:5])
