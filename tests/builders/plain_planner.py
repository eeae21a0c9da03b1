"""A planner that is plain and slow: what a plan should say, worked out by looking through whole lists again and again.

It shares with the real one only what two values mean to people (``same``, ``is_empty``) and how a label is guarded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from busway.contracts.fields import FieldPolicy, FieldRule
from busway.contracts.jobs import Job
from busway.contracts.records import Pending, Record, Skip
from busway.contracts.runs import Run
from busway.contracts.validators import Validator
from busway.errors import RejectedRecordError
from busway.sync.diff import is_empty, same
from busway.sync.mapping import safe_label
from busway.sync.plan import Action, Change, FieldChange, Unplanned


@dataclass
class Arrival:
    """What became of one source record."""

    number: int
    raw: Record
    key: str = ""
    record: Record | None = None
    """``None`` where it was skipped, or is invalid."""


@dataclass
class PlainPlan:
    """The answers that are compared."""

    changes: list[Change] = field(default_factory=list)
    skipped: list[Unplanned] = field(default_factory=list)
    invalid: list[Unplanned] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unchanged: int = 0
    merged: int = 0
    linked: int = 0


class PlainPlanner:
    """One plan, by the rules of DESIGN 7."""

    def __init__(
        self,
        job: Job,
        source: Sequence[Record],
        target: Sequence[Record],
        managed: frozenset[str],
        deactivated: frozenset[str],
        *,
        run: Run,
        validators: Sequence[Validator] = (),
    ) -> None:
        self.job, self.target, self.managed, self.deactivated = job, target, managed, deactivated
        self.run, self.validators = run, validators
        self.out = PlainPlan()
        self.remarks: Counter[str] = Counter()
        self.identified: set[str] = set()
        self.unidentified: list[Record] = []
        self.raw_keys_stay = self.mapped_keys_stay = True
        """Of all valid records: mapping and validators leave the key alone."""
        self.as_read: list[Record] = []
        self.as_mapped: list[Record] = []
        """Records that are known only by the key they showed as read, as mapped."""
        self.kept: Counter[str] = Counter()
        self.blocked = 0
        self.arrivals = [self.arrival(number, raw) for number, raw in enumerate(source, start=1)]
        self.unidentified += [] if self.raw_keys_stay else self.as_read
        self.unidentified += [] if self.mapped_keys_stay else self.as_mapped

    def plan(self) -> PlainPlan:
        kept = self.distinct() if self.job.distinct else self.unrepeated()
        wanted = [one for one in kept if not self.matched(one)]
        for one in self.after_adoption(wanted):
            self.change(Action.CREATE, one, None, self.create_fields(one))
        self.deactivate()
        self.warn()
        order = [*Action]
        self.out.changes.sort(key=lambda change: (order.index(change.action), change.key))
        return self.out

    # The source

    def arrival(self, number: int, raw: Record) -> Arrival:
        """Maps and validates one record; whatever is wrong with it is told at once."""
        arrival = Arrival(number, raw)
        try:
            mapped = self.job.map(raw, self.run)
            key = None if isinstance(mapped, Skip) else self.job.match_on.of(mapped)
        except RejectedRecordError as error:
            self.invalid(arrival, (error.problem.what,), "map", "BW6001")
            return arrival
        except Exception as error:
            self.invalid(arrival, (f"mapping raised {type(error).__name__}",), "map", "BW6002")
            return arrival
        if isinstance(mapped, Skip):
            known, label = self.identify(arrival)
            self.out.skipped.append(Unplanned(known, label, (mapped.reason,), "map"))
            return arrival
        return self.validated(arrival, mapped, key)

    def validated(self, arrival: Arrival, mapped: Record, mapped_key: str | None) -> Arrival:
        record = mapped
        for validator in self.validators:
            name = type(validator).__name__
            try:
                verdict = validator.validate(record)
            except Exception as error:
                reasons: tuple[str, ...] = (f"validator {name} raised {type(error).__name__}",)
                return self.refuse(arrival, mapped, mapped_key, record, reasons, "BW6002")
            self.remarks.update(verdict.warnings)
            record = verdict.record
            if verdict.errors:
                return self.refuse(arrival, mapped, mapped_key, record, verdict.errors, "BW6001")
        try:
            key = self.job.match_on.of(record)
        except Exception as error:
            reasons = (f"making its match key raised {type(error).__name__}",)
            return self.refuse(arrival, mapped, mapped_key, record, reasons, "BW6002")
        if key is None:
            self.invalid(arrival, ("no match key",), "match", "BW6001")
        else:
            arrival.key, arrival.record = key, record
            self.mapped_keys_stay &= mapped_key == key
            self.raw_keys_stay &= self.shown_by(arrival.raw) in (None, key)
        return arrival

    def refuse(
        self,
        arrival: Arrival,
        mapped: Record,
        mapped_key: str | None,
        record: Record,
        reasons: tuple[str, ...],
        code: str,
    ) -> Arrival:
        try:
            key = self.job.match_on.of(record) or mapped_key
        except Exception:
            key = mapped_key
        if key is None:
            self.invalid(arrival, reasons, "validate", code)
            return arrival
        arrival.key = key
        if mapped_key == key:
            self.as_mapped.append(arrival.raw)
        label = safe_label(self.job, mapped, f"record {arrival.number}")
        self.out.invalid.append(Unplanned(key, label, reasons, "validate", code, arrival.raw))
        return arrival

    def invalid(self, arrival: Arrival, reasons: tuple[str, ...], stage: str, code: str) -> None:
        known, label = self.identify(arrival)
        self.out.invalid.append(Unplanned(known, label, reasons, stage, code, arrival.raw))

    def identify(self, arrival: Arrival) -> tuple[str, str]:
        key = self.shown_by(arrival.raw)
        if key is None:
            self.unidentified.append(arrival.raw)
            return "", f"record {arrival.number}"
        self.identified.add(key)
        self.as_read.append(arrival.raw)
        return key, safe_label(self.job, arrival.raw, f"record {arrival.number}")

    def shown_by(self, raw: Record) -> str | None:
        try:
            return self.job.match_on.of(raw)
        except Exception:
            return None

    def distinct(self) -> list[Arrival]:
        """The first valid record of each key."""
        kept: list[Arrival] = []
        for one in self.arrivals:
            if one.record is None:
                continue
            if one.key in [other.key for other in kept]:
                self.out.merged += 1
            else:
                kept.append(one)
        return kept

    def unrepeated(self) -> list[Arrival]:
        """The valid records whose key no other record has, refused ones counted in."""
        with_key = [one for one in self.arrivals if one.key]
        kept: list[Arrival] = []
        for one in with_key:
            same_key = [other for other in with_key if other.key == one.key]
            if one.record is not None and len(same_key) == 1:
                kept.append(one)
            elif one.record is not None:
                self.repeated(one, same_key)
        return kept

    def repeated(self, one: Arrival, same_key: list[Arrival]) -> None:
        first = same_key[0]
        label = f"record {first.number}"
        if first.record is not None:
            label = safe_label(self.job, first.record, label)
        numbers = ", ".join(str(other.number) for other in same_key[:5])
        more = f" and {len(same_key) - 5} more" if len(same_key) > 5 else ""
        reason = f"{len(same_key)} source records have this match key: records {numbers}{more}"
        seen = {"copies": len(same_key)}
        self.out.invalid.append(Unplanned(one.key, label, (reason,), "match", record=seen))

    # The target

    def holders(self, key: str) -> list[Record]:
        return [current for current in self.target if self.job.match_on.of(current) == key]

    def target_id(self, current: Record) -> str:
        return str(current.get(self.job.id_field, ""))

    def inactive(self, current: Record) -> bool:
        return bool(self.job.active_field) and current.get(self.job.active_field) in (None, "", 0, "0", False)

    def matched(self, one: Arrival) -> bool:
        """Plans a record whose key the target has; False when it has not."""
        found = self.holders(one.key)
        if not found:
            return False
        if len(found) > 1:
            self.ambiguous(one, f"{len(found)} target records have this match key: {self.ids(found)}")
            return True
        (current,) = found
        self.out.linked += self.target_id(current) not in self.managed
        fields = self.differences(one, current)
        if fields is not None:
            self.pair(one, current, fields)
        return True

    def pair(self, one: Arrival, current: Record, fields: list[FieldChange], *, adopts: bool = False) -> None:
        if not adopts and self.reactivates(current):
            self.change(Action.REACTIVATE, one, current, fields)
        elif fields or adopts:
            self.change(Action.UPDATE, one, current, fields, adopts=adopts)
        else:
            self.out.unchanged += 1

    def reactivates(self, current: Record) -> bool:
        if self.target_id(current) not in self.managed or not self.inactive(current):
            return False
        ours = self.target_id(current) in self.deactivated
        self.blocked += not ours
        return ours

    def differences(self, one: Arrival, current: Record) -> list[FieldChange] | None:
        """The fields to change; ``None`` where a rule's own code failed."""
        assert one.record is not None
        try:
            found = [self.difference(name, rule, one.record, current) for name, rule in self.job.fields.items()]
        except Exception as error:
            label = safe_label(self.job, one.record, "(unreadable)")
            reason = f"comparing its fields raised {type(error).__name__}"
            self.out.invalid.append(Unplanned(one.key, label, (reason,), "match", "BW6002", one.record))
            return None
        self.kept.update(name for name, rule in self.job.fields.items() if self.stays(name, rule, one.record, current))
        return [change for change in found if change is not None]

    def stays(self, name: str, rule: FieldRule, record: Record, current: Record) -> bool:
        """Whether the source has nothing for the field, and the target keeps what it has."""
        if rule.policy is not FieldPolicy.ALWAYS or rule.clear_when_empty or name not in record:
            return False
        old = rule.reader(current) if rule.reader else current.get(name)
        if as_they_stand(record[name], old):
            return False
        return is_empty(self.normal(rule, record[name])) and not is_empty(self.normal(rule, old))

    def difference(self, name: str, rule: FieldRule, record: Record, current: Record) -> FieldChange | None:
        if rule.policy in (FieldPolicy.NEVER, FieldPolicy.CREATE_ONLY) or name not in record:
            return None
        old = rule.reader(current) if rule.reader else current.get(name)
        if as_they_stand(record[name], old):
            return None
        new_normal, old_normal = self.normal(rule, record[name]), self.normal(rule, old)
        if is_empty(new_normal) and not rule.clear_when_empty:
            return None
        if rule.policy is FieldPolicy.IF_EMPTY and not is_empty(old_normal):
            return None
        return None if same(new_normal, old_normal) else FieldChange(name, old, record[name], rule.is_personal)

    def normal(self, rule: FieldRule, value: Any) -> Any:
        return value if rule.normaliser is None or is_empty(value) else rule.normaliser(value)

    # Records the target does not have

    def after_adoption(self, wanted: list[Arrival]) -> list[Arrival]:
        """Adopts what further keys match; returns the records to create."""
        free = [current for current in self.target if self.job.match_on.of(current) is None]
        for adopt_on in self.job.adopt_on:
            asked = [(one, adopt_on.of(one.record or {})) for one in wanted]
            keys = list(dict.fromkeys(key for _, key in asked if key is not None))
            taken: list[Record] = []
            for key in keys:
                seekers = [one for one, other in asked if other == key]
                candidates = [current for current in free if adopt_on.of(current) == key]
                if candidates:
                    taken += candidates
                    wanted = [one for one in wanted if one not in seekers]
                    self.adopted(seekers, candidates)
            free = [current for current in free if not any(current is other for other in taken)]
        return wanted

    def adopted(self, seekers: list[Arrival], candidates: list[Record]) -> None:
        if len(seekers) > 1 or len(candidates) > 1:
            counts = f"{len(seekers)} source records and {len(candidates)} target records share an adoption key"
            for one in seekers:
                self.ambiguous(one, f"{counts}: {self.ids(candidates)}")
            return
        (one,), (current,) = seekers, candidates
        fields = self.differences(one, current)
        if fields is None:
            return
        record, named = one.record or {}, [change.name for change in fields]
        for name in self.job.match_on.fields:
            rule = self.job.fields.get(name)
            if rule is not None and rule.policy is not FieldPolicy.NEVER and name not in named:
                fields.append(FieldChange(name, current.get(name), record.get(name), rule.is_personal))
        self.pair(one, current, fields, adopts=self.target_id(current) not in self.managed)

    def create_fields(self, one: Arrival) -> list[FieldChange]:
        record = one.record or {}
        return [
            FieldChange(name, None, record[name], rule.is_personal)
            for name, rule in self.job.fields.items()
            if name in record
            and rule.policy is not FieldPolicy.NEVER
            and (rule.clear_when_empty or not is_empty(record[name]))
        ]

    # Target records the source does not have

    def deactivate(self) -> None:
        if not self.job.active_field:
            return
        present = self.identified | {one.key for one in self.arrivals if one.key}
        spared = 0
        for current in self.target:
            key = self.job.match_on.of(current)
            if key is None or key in present or self.inactive(current) or self.target_id(current) not in self.managed:
                continue
            if self.may_be_there(key):
                spared += 1
            else:
                label = safe_label(self.job, current, "(unreadable)")
                self.out.changes.append(Change(Action.DEACTIVATE, key, label, {}, current))
        if spared:
            self.out.warnings.append(
                f"{spared:,} managed target records stay active: {len(self.unidentified):,} source records were "
                "skipped or failed before their key was known and may be theirs"
            )

    def may_be_there(self, key: str) -> bool:
        """In one of the records without a known key; the first 20 others show whether keys are taken as they are."""
        if not self.unidentified:
            return False
        shown = [one for one in self.arrivals if one.record is not None][:20]
        taken_over = bool(shown) and all({*one.key.split("\x1f")} <= self.parts(one.raw) for one in shown)
        if not taken_over:
            return True
        there = set().union(*map(self.parts, self.unidentified))
        return all(part in there for part in key.split("\x1f"))

    def parts(self, raw: Record) -> set[str]:
        """The values of a record, those in its lists one by one, in the form of a key part."""
        single = [one for value in raw.values() for one in (value if isinstance(value, list) else [value])]
        return {self.job.match_on.normalise(str(value)) for value in single if value is not None}

    # What is told

    def change(
        self, action: Action, one: Arrival, current: Record | None, fields: list[FieldChange], *, adopts: bool = False
    ) -> None:
        assert one.record is not None
        label = safe_label(self.job, one.record, "(unreadable)")
        self.out.changes.append(Change(action, one.key, label, one.record, current, tuple(fields), adopts))

    def ambiguous(self, one: Arrival, reason: str) -> None:
        label = safe_label(self.job, one.record or {}, "(unreadable)")
        self.out.invalid.append(Unplanned(one.key, label, (reason,), "match", record=one.record))

    def ids(self, records: list[Record]) -> str:
        return "ids " + ", ".join(self.target_id(record) for record in records[:5])

    def warn(self) -> None:
        if self.blocked:
            self.out.warnings.append(
                f"{self.blocked:,} managed target records were made inactive by somebody else and stay so"
            )
        kept = {f"{name}: empty in the source, stays as it is in the target": n for name, n in self.kept.items()}
        for text, number in (*self.remarks.items(), *kept.items()):
            self.out.warnings.append(text if number == 1 else f"{text} ({number:,} records)")
        keys = Counter(self.job.match_on.of(current) for current in self.target)
        doubled = [key for key, number in keys.items() if key is not None and number > 1]
        if doubled:
            self.out.warnings.append(f"{len(doubled):,} match keys occur more than once in the target")


def as_they_stand(new: Any, old: Any) -> bool:
    """Whether two values are equal without any rule being asked."""
    return repr(new) == repr(old) and not isinstance(old, (list, dict, Pending))
