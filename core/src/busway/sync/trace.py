"""The trace of a single record: what happened at each step, and of each field why it is sent or not. No values that
could be personal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from busway.contracts.fields import FieldPolicy, FieldRule
from busway.contracts.jobs import Job
from busway.contracts.records import Pending, Record, Skip
from busway.contracts.runs import Run
from busway.contracts.validators import Validator
from busway.plugins.origins import origin_of
from busway.sync.diff import is_empty, same
from busway.sync.payloads import Rules, payload_of
from busway.sync.plan import Action, Change, Plan
from busway.sync.single import Single

__all__ = ["FieldTrace", "Step", "Trace", "trace_of"]

SHOWN_TEXT = 40


@dataclass(frozen=True, slots=True)
class Step:
    """One step, in the order in which they are told."""

    name: str
    """``connect``, ``read``, ``scope``, ``match``, ``map``, ``validate`` or ``act``."""
    said: str
    good: bool = True
    """False where the record's way ends here."""


@dataclass(frozen=True, slots=True)
class FieldTrace:
    """One managed field of the record."""

    name: str
    holds: str
    """The kind of value, and the value itself where it is not personal."""
    origin: str
    """The source columns that hold the same, ``computed``, or ``not mapped``."""
    sent: bool
    why: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole way of one record."""

    job: str
    key: str
    steps: Sequence[Step]
    fields: Sequence[FieldTrace]

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "job": self.job,
            "steps": [asdict(step) for step in self.steps],
            "fields": [asdict(one) for one in self.fields],
        }


def trace_of(single: Single, rules: Rules, run: Run, validators: Sequence[Validator], managed: frozenset[str]) -> Trace:
    """The trace of ``single``, which is planned. The mapping and the validators are asked once more for it."""
    plan = single.plan
    change = plan.changes[0] if plan.changes else None
    raw = single.raws[0] if single.raws else None
    mapped = single.job.map(raw, run) if raw is not None and not _broke(plan) else None
    current = _current(single, plan, change)
    fields = _fields(single.job, rules, raw, mapped, current, change)
    steps = [
        Step("connect", _connected(single.job)),
        Step("read", _read(single)),
        Step("scope", *_scope(single, mapped)),
        Step("match", *_matched(single, current, managed, change)),
        Step("map", *_mapped(plan, mapped, fields)),
        Step("validate", *_validated(plan, validators)),
        Step("act", *_act(plan, change, single)),
    ]
    return Trace(single.job.name, single.key, steps, fields)


def _connected(job: Job) -> str:
    origin = origin_of(job)
    whose = f"from {origin.owner}" if origin else f"{type(job).__module__}.{type(job).__qualname__}"
    return f"job {job.name} {whose}" + (f", account {job.account}" if job.account else "")


def _read(single: Single) -> str:
    target = f"{single.target_count:,} target record" + ("" if single.target_count == 1 else "s")
    return (
        f"{single.source_count:,} source records in {single.source_seconds:.1f} s; "
        f"{target} by {single.found_by} in {single.target_seconds:.1f} s"
    )


def _scope(single: Single, mapped: Record | Skip | None) -> tuple[str, bool]:
    if not single.raws:
        return "the source does not have it any more", True
    places = ", ".join(map(str, single.positions))
    if isinstance(mapped, Skip):
        return f"source record {places} is out of scope: {mapped.reason}", False
    if len(single.raws) > 1 and not single.job.distinct:
        return f"source records {places} have the same key: which of them is right cannot be known", False
    return f"source record {places} is in scope", True


def _matched(
    single: Single, current: Record | None, managed: frozenset[str], change: Change | None
) -> tuple[str, bool]:
    job = single.job
    if current is None:
        return "no target record has its key", True
    target_id = str(current.get(job.id_field, ""))
    how = "by another key, and is adopted" if change is not None and change.adopts else "by its key"
    ours = "managed" if target_id in managed else "linked, not managed: it is never deactivated"
    return f"target record {target_id} {how}; {ours}", True


def _mapped(plan: Plan, mapped: Record | Skip | None, fields: Sequence[FieldTrace]) -> tuple[str, bool]:
    broken = next((one for one in plan.invalid if one.stage in ("map", "match")), None)
    if broken is not None:
        return "; ".join(broken.reasons), False
    if isinstance(mapped, Skip):
        return "not mapped", False
    if mapped is None:
        return "nothing to map", True
    return f"{sum(one.origin != 'not mapped' for one in fields)} of {len(fields)} managed fields", True


def _validated(plan: Plan, validators: Sequence[Validator]) -> tuple[str, bool]:
    refused = next((one for one in plan.invalid if one.stage == "validate"), None)
    if refused is not None:
        return "; ".join(refused.reasons), False
    names = ", ".join(type(one).__name__ for one in validators) or "no validator"
    return f"{names}: valid" if validators else names, True


def _act(plan: Plan, change: Change | None, single: Single) -> tuple[str, bool]:
    if plan.held:
        return "held: " + plan.holds[0].what, False
    if change is not None:
        return f"{change.action} {change.label}", True
    if plan.invalid or plan.skipped:
        return "nothing: its way has ended before", False
    return "nothing: the target has it as it should be" if single.raws else "nothing: it is not ours, or inactive", True


def _broke(plan: Plan) -> bool:
    return any(one.stage == "map" for one in plan.invalid)


def _current(single: Single, plan: Plan, change: Change | None) -> Record | None:
    if change is not None:
        return change.current
    matching = (one for one in plan.target or () if single.job.match_on.of(one) == single.key)
    return next(matching, None)


def _fields(
    job: Job,
    rules: Rules,
    raw: Record | None,
    mapped: Record | Skip | None,
    current: Record | None,
    change: Change | None,
) -> list[FieldTrace]:
    if not isinstance(mapped, dict):
        return []
    record = change.record if change is not None and change.record else mapped
    payload = payload_of(job, rules, change) if change is not None else {}
    return [
        FieldTrace(
            name,
            _held(record.get(name), rule),
            _origin(record, name, raw or {}),
            name in payload,
            _why(name, rule, record, current, payload, change),
        )
        for name, rule in rules.items()
    ]


def _held(value: Any, rule: FieldRule) -> str:
    if is_empty(value):
        return "empty"
    if isinstance(value, Pending):
        return str(value)
    kind = _kind(value)
    if rule.is_personal or not isinstance(value, (str, int, float)) or len(str(value)) > SHOWN_TEXT:
        return kind
    return f"{kind}: {value}"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return f"text of {len(value)}"
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, (list, dict)) else type(value).__name__


def _origin(record: Record, name: str, raw: Mapping[str, Any]) -> str:
    """Where a value is from, as far as it shows: the mapping is code, and says nothing of its own accord."""
    if name not in record:
        return "not mapped"
    value = record[name]
    if is_empty(value):
        return "source" if name in raw else "computed"
    columns = [column for column, held in raw.items() if _equal(held, value)]
    return ", ".join(columns[:3]) if columns else "computed"


def _equal(held: Any, value: Any) -> bool:
    if isinstance(held, str) and isinstance(value, str):
        return " ".join(held.split()).casefold() == " ".join(value.split()).casefold()
    return same(held, value) and not is_empty(held)


def _why(
    name: str, rule: FieldRule, record: Record, current: Record | None, payload: Record, change: Change | None
) -> str:
    if name in payload:
        if change is not None and change.action is Action.CREATE:
            return "part of the new record"
        return "differs" if change is not None and any(one.name == name for one in change.fields) else "always demanded"
    if rule.policy is FieldPolicy.NEVER:
        return "policy never: it is not written"
    if name not in record:
        return "the mapping left it out"
    if is_empty(record[name]) and not rule.clear_when_empty:
        return "empty in the source, which never clears"
    if current is None:
        return "nothing is written"
    return WHY_NOT[rule.policy]


WHY_NOT = {
    FieldPolicy.ALWAYS: "the same as in the target",
    FieldPolicy.IF_EMPTY: "policy if_empty: the target has a value",
    FieldPolicy.CREATE_ONLY: "policy create_only: it belongs to the people in the target",
    FieldPolicy.NEVER: "policy never: it is not written",
}
