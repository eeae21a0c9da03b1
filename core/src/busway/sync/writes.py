"""One write: sent, and believed only when the target's answer proves it."""

from __future__ import annotations

from collections.abc import Callable

from busway.contracts.jobs import Job
from busway.contracts.records import Record, without
from busway.errors import BuswayError, RefusedError, RejectedRecordError, UnreachableError
from busway.sync.diff import is_empty
from busway.sync.payloads import Rules
from busway.sync.plan import Action, Change

__all__ = ["Written", "write"]


class Written:
    """A verified write."""

    __slots__ = ("answer", "dropped", "payload", "read_back")

    def __init__(
        self, payload: Record, answer: Record, dropped: tuple[str, ...] = (), *, read_back: bool = False
    ) -> None:
        self.payload = payload
        self.answer = answer
        self.dropped = dropped
        """Optional fields the target refused."""
        self.read_back = read_back
        """The answer was lost, and the record was found in the target afterwards."""


def write(job: Job, rules: Rules, change: Change, payload: Record) -> Written:
    """Sends ``change`` and verifies the answer.

    A refusal that names only optional fields is tried once more without them. A create whose answer is lost is read
    back. Raises what the job raised, or BW4007 for an answer that proves nothing.
    """
    try:
        return _sent(job, change, payload)
    except RejectedRecordError as refusal:
        reduced = _without_refused(rules, change, payload, refusal)
        if reduced is None:
            raise
        written = _sent(job, change, reduced)
        written.dropped = tuple(name for name in payload if name not in reduced)
        return written


def _sent(job: Job, change: Change, payload: Record) -> Written:
    try:
        answer = _send(job, change, payload)
    except (UnreachableError, RefusedError) as error:
        found = _read_back(job, change, error)
        if found is None:
            raise
        return Written(payload, found, read_back=True)
    return Written(payload, _verified(job, change, answer))


def _send(job: Job, change: Change, payload: Record) -> object:
    # A copy, so that a job that adds to what it was given does not change what we account as sent.
    sent, current = dict(payload), change.current or {}
    sends: dict[Action, Callable[[], object]] = {
        Action.CREATE: lambda: job.create(sent),
        Action.UPDATE: lambda: job.update(current, sent),
        Action.REACTIVATE: lambda: job.reactivate(current, sent),
        Action.DEACTIVATE: lambda: job.deactivate(current),
    }
    return sends[change.action]()


def _verified(job: Job, change: Change, answer: object) -> Record:
    if not isinstance(answer, dict):
        raise _unproven(job, change, f"it returned {type(answer).__name__} instead of the record")
    if change.action is Action.CREATE and is_empty(answer.get(job.id_field)):
        raise _unproven(job, change, f"the record it returned has no {job.id_field}")
    return answer


def _unproven(job: Job, change: Change, why: str) -> BuswayError:
    return BuswayError(
        "BW4007",
        f"the {change.action} is not proven",
        where=f"job {job.name}, {type(job).__module__}.{type(job).__qualname__}.{change.action}",
        why=f"{why}; a write counts only with the target's answer",
        fix="return what the target answered, or raise RejectedRecordError",
    )


def _read_back(job: Job, change: Change, error: UnreachableError | RefusedError) -> Record | None:
    """The record of a create that may have been carried out although no answer proved it.

    A client that knows the request never left says so with ``error.ambiguous = False``; every other lost answer is
    taken as ambiguous, since a needless look costs one call and a needless create a duplicate.
    """
    if change.action is not Action.CREATE or not error.ambiguous:
        return None
    try:
        found = job.find(change.record)
    except Exception as second:  # the target is away: the first error says it better
        error.add_note(f"reading back failed too: {type(second).__name__}")
        return None
    return found if isinstance(found, dict) and not is_empty(found.get(job.id_field)) else None


def _without_refused(rules: Rules, change: Change, payload: Record, refusal: RejectedRecordError) -> Record | None:
    """``payload`` without the fields refused, when all of them are optional and something worth sending is left."""
    refused = [name for name in refusal.fields if name in payload]
    all_optional = all(name in rules and rules[name].is_optional for name in refusal.fields)
    if not refused or not all_optional:
        return None
    reduced = without(payload, *refused)
    # An update of nothing but unchanged fields would be counted as a change that never happened.
    changed = {one.name for one in change.fields}
    if change.action is Action.UPDATE and not changed & reduced.keys():
        return None
    return reduced
