"""Saved plans: a file that lets a reviewed plan be applied later, and nothing but that plan.

It holds counts, field names and keyed digests of keys and values, and no personal data. Applying reads both sides
again, plans again and compares the digests; the file is good for one time and for 24 hours.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uuid_utils

from busway.errors import UsageError
from busway.sync.digests import canonical
from busway.sync.plan import Change, Plan, summarise
from busway.sync.ports import Digest

__all__ = ["SavedChange", "SavedJob", "SavedPlan", "load", "save"]

FORMAT = 1
LIFETIME_NS = 24 * 3600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class SavedChange:
    """One change, recognisable and not readable."""

    action: str
    key: str
    """Keyed digest of the match key."""
    values: str
    """Keyed digest of the target's id and of old and new values."""
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SavedJob:
    """The plan of one job."""

    job: str
    entity: str
    counts: dict[str, int]
    holds: tuple[str, ...]
    """Names of the brakes that hold it."""
    changes: tuple[SavedChange, ...]

    def field_names(self) -> set[str]:
        """Every field that any of its changes writes."""
        return {name for change in self.changes for name in change.fields}

    def field_counts(self) -> dict[str, dict[str, int]]:
        """By action and field, how many changes write it."""
        counted: dict[str, Counter[str]] = {}
        for change in self.changes:
            if change.fields:
                counted.setdefault(change.action, Counter()).update(change.fields)
        return {action: dict(sorted(names.items())) for action, names in counted.items()}


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What is in a plan file. Times are nanoseconds since the epoch."""

    plan_id: str
    """UUIDv7."""
    created_at_ns: int
    expires_at_ns: int
    jobs: tuple[SavedJob, ...]

    @property
    def job_names(self) -> tuple[str, ...]:
        """Its jobs, in the order in which they run."""
        return tuple(one.job for one in self.jobs)

    def check(self, now_ns: int, used_at_ns: int = 0) -> None:
        """Raises ``UsageError``: BW4022 when it has been used, BW4021 when it has expired."""
        fix = "busway plan -o FILE " + " ".join(self.job_names)
        name = self.plan_id[:13]
        if used_at_ns:
            why = "a plan is good for one time: its changes describe the target before they were made"
            raise UsageError("BW4022", f"plan {name} was used {_time(used_at_ns)}", why=why, fix=fix)
        if now_ns >= self.expires_at_ns:
            why = "a plan is good for 24 hours: what was reviewed longer ago is not what people have in mind"
            raise UsageError("BW4021", f"plan {name} expired {_time(self.expires_at_ns)}", why=why, fix=fix)

    def matches(self, plans: Sequence[Plan], digest: Digest) -> bool:
        """Whether ``plans``, made just now, would do exactly what this one shows."""
        return not self.moved(plans, digest)

    def verify(self, plans: Sequence[Plan], digest: Digest) -> None:
        """Raises ``UsageError`` BW4023 naming the jobs whose source or target has moved on."""
        moved = self.moved(plans, digest)
        if moved:
            raise UsageError(
                "BW4023",
                f"source or target has moved on since plan {self.plan_id[:13]} was made: {', '.join(moved)}",
                where=f"job {moved[0]}",
                why="planning again gives other changes than the ones that were reviewed; nothing was written",
                fix="busway plan -o FILE " + " ".join(self.job_names),
            )

    def moved(self, plans: Sequence[Plan], digest: Digest) -> list[str]:
        """Names of jobs whose plan is another one now."""
        now = {plan.job: _saved_job(plan, digest) for plan in plans}
        then = {one.job: one for one in self.jobs}
        return [name for name in {**then, **now} if _changes(then.get(name)) != _changes(now.get(name))]

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: counts and fields, no digests."""
        return {
            "plan_id": self.plan_id,
            "created_at": _time(self.created_at_ns),
            "expires_at": _time(self.expires_at_ns),
            "jobs": [
                {
                    "job": one.job,
                    "entity": one.entity,
                    "counts": one.counts,
                    "holds": list(one.holds),
                    "fields": one.field_counts(),
                }
                for one in self.jobs
            ],
        }

    def describe(self) -> str:
        """For a terminal: a line for the plan, and one or more for each job."""
        until = _time(self.expires_at_ns)
        lines = [f"plan {self.plan_id}, made {_time(self.created_at_ns)}, good until {until}"]
        for one in self.jobs:
            lines.append(f"  {one.job}: {summarise(one.counts)}")
            lines.extend(f"    held by {brake}" for brake in one.holds)
            for action, names in one.field_counts().items():
                lines.append(f"    {action}: " + ", ".join(f"{name} {number:,}" for name, number in names.items()))
        return "\n".join(lines)


def save(plans: Sequence[Plan], path: Path, digest: Digest, now_ns: int) -> SavedPlan:
    """Writes ``plans`` to ``path``, whole or not at all. Raises ``UsageError`` BW4024 when it cannot be written."""
    jobs = tuple(_saved_job(plan, digest) for plan in plans)
    saved = SavedPlan(str(uuid_utils.uuid7()), now_ns, now_ns + LIFETIME_NS, jobs)
    _write(saved, path)
    return saved


def load(path: Path) -> SavedPlan:
    """Reads a plan file. Raises ``UsageError`` BW4020 for one that is missing, unreadable or was edited.

    Whether it may still be used is asked with :meth:`SavedPlan.check`, so that an old one can be shown.
    """
    try:
        document = json.loads(path.read_bytes())
        checksum = document.pop("checksum")
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise _unusable(path, f"it cannot be read as a plan: {type(error).__name__}") from None
    if document.get("format") != FORMAT:
        raise _unusable(path, f"its format is {document.get('format')!r}; this version reads {FORMAT}")
    if checksum != _checksum(document):
        raise _unusable(path, "its content does not fit its checksum: it was edited or damaged")
    return _from_document(document)


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError("BW4020", f"{path.name} is no usable plan", where=str(path), why=why, fix="busway plan -o FILE")


def _saved_job(plan: Plan, digest: Digest) -> SavedJob:
    changes = tuple(_saved_change(plan, change, digest) for change in plan.changes)
    return SavedJob(plan.job, plan.entity, plan.counts(), tuple(hold.brake for hold in plan.holds), changes)


def _saved_change(plan: Plan, change: Change, digest: Digest) -> SavedChange:
    fields = [[one.name, one.old, one.new] for one in change.fields]
    target_id = (change.current or {}).get(plan.id_field)
    values = canonical([target_id, change.record, fields, change.adopts])
    return SavedChange(
        change.action.value,
        digest("plan-key", plan.job, change.key),
        digest("plan-values", plan.job, change.key, values),
        tuple(sorted(one.name for one in change.fields)),
    )


def _changes(job: SavedJob | None) -> tuple[SavedChange, ...] | None:
    return None if job is None else job.changes


def _write(saved: SavedPlan, path: Path) -> None:
    document = _to_document(saved)
    document["checksum"] = _checksum(document)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(json.dumps(document, indent=None, separators=(",", ":")), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise UsageError(
            "BW4024",
            f"the plan cannot be written to {path.name}",
            where=str(path),
            why=error.strerror or type(error).__name__,
            fix="choose a folder that exists and may be written",
        ) from None


def _checksum(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical({n: v for n, v in document.items() if n != "checksum"}).encode()).hexdigest()


def _to_document(saved: SavedPlan) -> dict[str, Any]:
    """The file's form: the same few sets of field names come again and again, so changes point to them."""
    document: dict[str, Any] = {"format": FORMAT, **asdict(replace(saved, jobs=()))}
    document["jobs"] = [_job_document(one) for one in saved.jobs]
    return document


def _job_document(job: SavedJob) -> dict[str, Any]:
    places: dict[tuple[str, ...], int] = {}
    rows = [[c.action, c.key, c.values, places.setdefault(c.fields, len(places))] for c in job.changes]
    return {
        "job": job.job,
        "entity": job.entity,
        "counts": job.counts,
        "holds": list(job.holds),
        "fields": [list(names) for names in places],
        "changes": rows,
    }


def _from_document(document: Mapping[str, Any]) -> SavedPlan:
    jobs = []
    for one in document["jobs"]:
        names = [tuple(fields) for fields in one["fields"]]
        changes = tuple(SavedChange(action, key, values, names[place]) for action, key, values, place in one["changes"])
        jobs.append(SavedJob(one["job"], one["entity"], one["counts"], tuple(one["holds"]), changes))
    return SavedPlan(document["plan_id"], document["created_at_ns"], document["expires_at_ns"], tuple(jobs))


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
