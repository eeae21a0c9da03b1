"""One write: sent, tried again where that is safe, and believed only when the target's answer proves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from busway.contracts.fields import FieldPolicy, FieldRule
from busway.contracts.jobs import Job
from busway.contracts.records import Record, without
from busway.errors import BuswayError, RefusedError, RejectedRecordError, UnreachableError
from busway.sync.diff import is_empty, same
from busway.sync.payloads import Rules
from busway.sync.plan import Action, Change
from busway.sync.retries import Patience

__all__ = ["IgnoredFieldsError", "Writer", "Written"]


COMPARED = (FieldPolicy.ALWAYS, FieldPolicy.IF_EMPTY)


@dataclass(slots=True)
class Written:
    """A verified write."""

    payload: Record
    answer: Record
    dropped: tuple[str, ...] = ()
    """Optional fields the target refused."""
    ignored: tuple[str, ...] = ()
    """Fields the target accepted, and answered with another value."""
    read_back: bool = False
    """The answer was lost, and the record was found in the target afterwards."""


class IgnoredFieldsError(BuswayError):
    """BW4016: the target accepted an update and changed none of its fields."""

    def __init__(self, job: Job, change: Change, names: tuple[str, ...]) -> None:
        super().__init__(
            "BW4016",
            f"the target accepts the {change.action} and ignores it",
            where=f"job {job.name}, {change.action} of {change.label}",
            why=f"it answered with other values than were sent: {', '.join(names)}",
            fix="look whether the account may write these fields, or give them the policy create_only or never",
        )
        self.names = names


@dataclass(frozen=True, slots=True)
class Writer:
    """Carries out single changes of one job. Safe to use from many threads where the job is."""

    job: Job
    rules: Rules
    patience: Patience
    told: Callable[[str], None] = field(default=lambda _: None)
    """Hears of retries, for people."""

    def write(self, change: Change, payload: Record, *, doubtful: bool = False) -> Written:
        """Sends ``change`` and verifies the answer.

        A refusal that names only optional fields is tried once more without them. What the target did not serve is
        tried again within the budget; a create whose answer is lost is read back before that.

        :param doubtful: a killed run may have carried out this create: it is looked up before it is sent.
        :raises BuswayError: what the job raised, BW4007 for an answer that proves nothing, BW4016 for an update
            that the target ignored, BW7006 when asked to stop while waiting.
        """
        if doubtful and (found := self._found(change)) is not None:
            return Written(payload, found, read_back=True)
        try:
            written = self._sent(change, payload)
        except RejectedRecordError as refusal:
            reduced = self._without_refused(change, payload, refusal)
            if reduced is None:
                raise
            written = self._sent(change, reduced, in_doubt=refusal.ambiguous)
            written.dropped = tuple(name for name in payload if name not in reduced)
        return self._checked(change, written)

    def _sent(self, change: Change, payload: Record, *, in_doubt: bool = False) -> Written:
        tried = 0
        while True:
            tried += 1
            try:
                return Written(payload, self._verified(change, self._send(change, payload)))
            except (UnreachableError, RefusedError) as error:
                # What a lost answer leaves in doubt stays so: that a later attempt never left says nothing about it.
                in_doubt = error.ambiguous = in_doubt or error.ambiguous
                if isinstance(error, RejectedRecordError):
                    raise
                found = self._after(change, error, tried)
                if found is not None:
                    return Written(payload, found, read_back=True)

    def _after(self, change: Change, error: UnreachableError | RefusedError, tried: int) -> Record | None:
        """After a write that is not proven: the record if it was carried out after all, ``None`` to send it again.

        Raises ``error`` where it is neither. Everything but a create says what a record shall be, so sending it again
        changes nothing; a create is sent again only when the target says that the record is not there.
        """
        may_be_there = change.action is Action.CREATE and error.ambiguous
        if may_be_there and not self._can_find:
            raise error
        # A nonsensical answer is no sign that the target is busy: it is not asked again.
        again = isinstance(error, UnreachableError) and self.patience.wait(tried, error)
        if may_be_there and (found := self._read_back(change, error)) is not None:
            return found
        if not again:
            raise error
        return None

    def _send(self, change: Change, payload: Record) -> object:
        # A copy, so that a job that adds to what it was given does not change what we account as sent.
        sent, current = dict(payload), change.current or {}
        sends: dict[Action, Callable[[], object]] = {
            Action.CREATE: lambda: self.job.create(sent),
            Action.UPDATE: lambda: self.job.update(current, sent),
            Action.REACTIVATE: lambda: self.job.reactivate(current, sent),
            Action.DEACTIVATE: lambda: self.job.deactivate(current),
        }
        return sends[change.action]()

    def _verified(self, change: Change, answer: object) -> Record:
        if not isinstance(answer, dict):
            raise self._unproven(change, f"it returned {type(answer).__name__} instead of the record")
        if change.action is Action.CREATE and is_empty(answer.get(self.job.id_field)):
            raise self._unproven(change, f"the record it returned has no {self.job.id_field}")
        return answer

    def _unproven(self, change: Change, why: str) -> BuswayError:
        job = self.job
        return BuswayError(
            "BW4007",
            f"the {change.action} is not proven",
            where=f"job {job.name}, {type(job).__module__}.{type(job).__qualname__}.{change.action}",
            why=f"{why}; a write counts only with the target's answer",
            fix="return what the target answered, or raise RejectedRecordError",
        )

    @property
    def _can_find(self) -> bool:
        return type(self.job).find is not Job.find

    def _read_back(self, change: Change, error: BuswayError) -> Record | None:
        """The record of a create that may have been carried out although no answer proved it.

        A client that knows the request never left says so with ``error.ambiguous = False``; every other lost answer is
        taken as ambiguous, since a needless look costs one call and a needless create a duplicate.
        """
        try:
            return self._found(change)
        except Exception as second:  # the target is away: the first error says it better
            error.add_note(f"reading back failed too: {type(second).__name__}")
            raise error from second

    def _found(self, change: Change) -> Record | None:
        found = self.job.find(change.record)
        return found if isinstance(found, dict) and not is_empty(found.get(self.job.id_field)) else None

    def _without_refused(self, change: Change, payload: Record, refusal: RejectedRecordError) -> Record | None:
        """``payload`` without the fields refused, when all of them are optional and something worth sending is left."""
        rules = self.rules
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

    def _checked(self, change: Change, written: Written) -> Written:
        """Notes the fields the target accepted and ignored; raises BW4016 when those are all that were to change."""
        if written.read_back or change.action is Action.DEACTIVATE:
            return written
        ignored = tuple(name for name in written.payload if self._is_ignored(name, written))
        changed = {one.name for one in change.fields} & written.payload.keys()
        if change.action is Action.UPDATE and changed and changed <= {*ignored}:
            raise IgnoredFieldsError(self.job, change, ignored)
        written.ignored = ignored
        return written

    def _is_ignored(self, name: str, written: Written) -> bool:
        """Whether the answer has ``name`` with another value than was sent. What it does not have, it does not say.

        Only fields that would be compared again, and so be written again in every run. Lists and tables are often
        answered in another shape than they are written in; without a reader they say nothing.
        """
        rule, answer = self.rules.get(name), written.answer
        if rule is None or rule.policy not in COMPARED or (rule.reader is None and name not in answer):
            return False
        if rule.reader is None and isinstance(written.payload[name], (list, tuple, dict)):
            return False
        try:
            got = answer[name] if rule.reader is None else rule.reader(answer)
            if rule.reader is not None and is_empty(got):
                return False  # an answer need not have the shape that records are read in
            return not same(_normal(rule, written.payload[name]), _normal(rule, got))
        except Exception:  # a rule that cannot read an answer says nothing about it
            return False


def _normal(rule: FieldRule, value: object) -> object:
    return value if rule.normaliser is None or is_empty(value) else rule.normaliser(value)
