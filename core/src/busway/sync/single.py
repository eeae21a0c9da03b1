"""The plan of a single record, made by the rules of a whole run and with as few calls as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from busway.contracts.jobs import Job
from busway.contracts.records import Complete, Record, Skip
from busway.contracts.runs import Run
from busway.errors import BuswayError, RejectedRecordError, UsageError
from busway.sync.brakes import check
from busway.sync.context import RunContext
from busway.sync.mapping import safe_label
from busway.sync.plan import Action, Plan
from busway.sync.planner import make_plan
from busway.sync.planning import Planning
from busway.sync.reading import guarded, read_source
from busway.sync.tuning import Limits

__all__ = ["Single", "plan_single"]


@dataclass(slots=True)
class Single:
    """One record on its way, with what a trace wants to know of it."""

    job: Job
    key: str
    source_count: int
    source_seconds: float
    raws: list[Record] = field(default_factory=list, repr=False)
    """Source records with the key: none, one, or several."""
    positions: list[int] = field(default_factory=list)
    """Where they stand in the source, from 1."""
    target_count: int = 0
    target_seconds: float = 0.0
    found_by: str = ""
    """``find()``, ``a complete read``, or ``no call`` for a record that does not map."""
    plan: Plan = field(default_factory=lambda: Plan("", ""))


def plan_single(job: Job, text: str, run: RunContext, planning: Planning) -> Single:
    """Plans the record whose match key is ``text`` (parts of a key joined with `` / ``), or that is labelled so.

    The source is read as a whole, because a record that a part of it lacks would look like one that has left. The
    target is asked for this record alone where the job can find one. What is in quarantine is tried: somebody asks.
    Raises ``UsageError`` BW4018 for a key that neither side has, and whatever reading raises.
    """
    clock = run.clock
    began = clock.monotonic()
    source = read_source(job, run)
    single = Single(job, key_of_text(job, text), len(source), clock.monotonic() - began)
    with guarded(job, "map"):
        _pick(single, text, source, run)
    began = clock.monotonic()
    target = _target(single, run)
    single.target_count, single.target_seconds = len(target), clock.monotonic() - began
    ours = _ours(single, text, target)
    if not single.raws and not ours:
        raise _nowhere(job, text, single)
    with guarded(job, "plan"):
        single.plan = _planned(single, Complete(ours), run, planning)
    return single


def key_of_text(job: Job, text: str) -> str:
    """The match key that somebody means by ``text``."""
    parts = text.split(" / ") if len(job.match_on.fields) > 1 else [text]
    record = dict(zip(job.match_on.fields, parts, strict=False))
    return job.match_on.of(record) or text


def _pick(single: Single, text: str, source: Sequence[Record], run: Run) -> None:
    """Finds the records in the source: by their own fields where those hold the key, by what they map to, by label."""
    for known_as, wanted in ((_raw_key, single.key), (_mapped_key, single.key), (_label, text)):
        for number, raw in enumerate(source, start=1):
            if known_as(single.job, raw, run) == wanted:
                single.raws.append(raw)
                single.positions.append(number)
        if single.raws:
            break
    else:
        return
    if known_as is _label:
        raw = single.raws[0]
        single.key = _mapped_key(single.job, raw, run) or _raw_key(single.job, raw, run) or single.key


def _ours(single: Single, text: str, target: Complete[Record]) -> list[Record]:
    """The target records to compare with; of a record that the source lacks, the one that is called so."""
    job = single.job
    if single.raws:
        return list(target)
    ours = [one for one in target if job.match_on.of(one) == single.key]
    if not ours:
        ours = [one for one in target if safe_label(job, one, "") == text]
        single.key = next((key for one in ours if (key := job.match_on.of(one))), single.key)
    return ours


def _raw_key(job: Job, raw: Record, run: Run) -> str | None:
    try:
        return job.match_on.of(raw)
    except Exception:  # the key is made for mapped records; a raw one may not suit it
        return None


def _mapped_key(job: Job, raw: Record, run: Run) -> str | None:
    mapped = _mapped(job, raw, run)
    return None if mapped is None else _raw_key(job, mapped, run)


def _mapped(job: Job, raw: Record, run: Run) -> Record | None:
    """What ``raw`` maps to; ``None`` where it is skipped or the mapping fails, which the plan accounts."""
    try:
        mapped = job.map(raw, run)
    except RejectedRecordError:
        return None
    except BuswayError:
        raise
    except Exception:  # code of the job, about this record
        return None
    return None if isinstance(mapped, Skip) else mapped


def _label(job: Job, raw: Record, run: Run) -> str:
    """What plans call a source record: by what it maps to, or by itself where it does not map."""
    return safe_label(job, _mapped(job, raw, run) or raw, "")


def _target(single: Single, run: RunContext) -> Complete[Record]:
    job = single.job
    if single.raws and type(job).find is not Job.find:
        mapped = _mapped(job, single.raws[0], run)
        found = None if mapped is None else job.find(mapped)
        # Not found by its key, it may still be one that another key adopts.
        if found is not None or mapped is None or not job.adopt_on:
            single.found_by = "no call" if mapped is None else "find()"
            return Complete([] if found is None else [found])
    single.found_by = "a complete read"
    return run.read_target(job)


def _planned(single: Single, target: Complete[Record], run: RunContext, planning: Planning) -> Plan:
    job = single.job
    tuning, state = planning.tuning(job), planning.state
    plan = make_plan(
        job,
        single.raws,
        target,
        state.managed_ids(job.name),
        run=run,
        deactivated_ids=state.deactivated_ids(job.name),
        validators=planning.validators_of(job),
        rules=tuning.rules,
    )
    plan.only, plan.source_count = single.key, single.source_count
    if single.raws:
        # Everybody else in the target is missing from this part of the source, and has not left.
        plan.changes = [change for change in plan.changes if change.action is not Action.DEACTIVATE]
    else:
        plan.holds = check(plan, _only_shrunken(tuning.limits), state.last_good_run(job.name), planning.where)
    return plan


def _only_shrunken(limits: Limits) -> Limits:
    """Of one record every percentage is a hundred; what counts is whether the source that lacks it can be believed."""
    return replace(
        limits,
        max_deactivations_pct=None,
        max_deactivations=None,
        max_creates=None,
        max_updates_pct=None,
        max_target_drop_pct=None,
    )


def _nowhere(job: Job, text: str, single: Single) -> UsageError:
    return UsageError(
        "BW4018",
        f"neither side of {job.name} has a record {text!r}",
        where=f"job {job.name}, match key {', '.join(job.match_on.fields)}",
        why=f"{single.source_count:,} source and {single.target_count:,} target records were looked through",
        fix="give the match key or the label as plans show it, parts of a key joined with ' / '",
    )
