"""What a failed record is told as, and kept as in quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from busway.contracts.jobs import Job
from busway.errors import BuswayError, Problem, RejectedRecordError, UnreachableError
from busway.plugins.origins import origin_of
from busway.plugins.stack import raised_at
from busway.stores.quarantine import QuarantinedRecord
from busway.sync.plan import Action, Change, Unplanned
from busway.sync.quarantine import IN_PART, Sieve, sent_record
from busway.sync.writes import IgnoredFieldsError, Written

__all__ = ["Failures", "is_of_the_record", "mapping_version", "problem_of", "problem_of_unplanned"]

HOUR_NS = 3600 * 1_000_000_000
WAITS_NS = (0, 6 * HOUR_NS, 12 * HOUR_NS, 24 * HOUR_NS)
"""After the first failure that time may mend, the second and so on, then daily: the next run tries, and after that the
record waits as long as Entra's provisioning lets it."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Makes the quarantine entries of one job in one run.

    :param known: what is in quarantine already, by key digest: attempts are counted on.
    """

    sieve: Sieve
    session_id: str
    known: Mapping[str, QuarantinedRecord]

    def of_write(self, change: Change, error: Exception, problem: Problem) -> QuarantinedRecord:
        """The entry for a write that failed."""
        record = sent_record(change)
        names = [name for name in _fields_of(error) if name in record]
        reason = "partial" if self._lacks_only_optional(change, error) else _reason(error)
        entry = self._entry(change, names, reason=reason, code=problem.code, what=_text(problem))
        if entry.reason != "transient":
            return entry
        wait_ns = WAITS_NS[min(entry.attempts, len(WAITS_NS)) - 1]
        return replace(entry, next_ns=entry.last_ns + wait_ns)

    def _lacks_only_optional(self, change: Change, error: Exception) -> bool:
        """Whether a record that is in the target was refused for optional fields alone: its others go on being sent."""
        if change.action is not Action.UPDATE or not isinstance(error, RejectedRecordError) or not error.fields:
            return False
        rules = self.sieve.rules
        return all(name in rules and rules[name].is_optional for name in error.fields)

    def of_written(self, change: Change, written: Written) -> QuarantinedRecord | None:
        """The entry for a record that was written, but for some fields; ``None`` when all were taken."""
        names = (*written.dropped, *written.ignored)
        if not names:
            return self._still_refused(change, written)
        told = "the target refused" if written.dropped else "the target accepted and did not take over"
        reason = "partial" if written.dropped else "ignored"
        return self._entry(change, names, reason=reason, code="BW6004", what=f"{told}: {', '.join(names)}")

    def _still_refused(self, change: Change, written: Written) -> QuarantinedRecord | None:
        """What was known of a record in part, where the write left out what the target does not take."""
        known = self.known.get(self.sieve.digests.key(change.key))
        if known is None or known.reason not in IN_PART:
            return None
        left_out = {name: digest for name, digest in known.fields.items() if name not in written.payload}
        now = self.sieve.digests.fields(sent_record(change), left_out)
        still = {name: digest for name, digest in left_out.items() if now[name] == digest}
        return replace(known, fields=still) if still else None

    def of_unplanned(self, one: Unplanned) -> QuarantinedRecord:
        """The entry for a record that is invalid, or whose mapping failed."""
        sieve = self.sieve
        return self._continued(
            QuarantinedRecord(
                job=sieve.job.name,
                key_digest=sieve.digest_of(one),
                label=one.label,
                entity=sieve.job.entity,
                action=one.stage,
                reason="broken" if one.code == "BW6002" else "invalid",
                code=one.code,
                what="; ".join(one.reasons),
                record_digest=sieve.record_digest(one),
                mapping_version=sieve.version,
            )
        )

    def _entry(self, change: Change, names: Iterable[str], *, reason: str, code: str, what: str) -> QuarantinedRecord:
        sieve, record = self.sieve, sent_record(change)
        return self._continued(
            QuarantinedRecord(
                job=sieve.job.name,
                key_digest=sieve.digests.key(change.key),
                label=change.label,
                entity=sieve.job.entity,
                action=change.action.value,
                reason=reason,
                code=code,
                what=what,
                fields=sieve.digests.fields(record, names),
                record_digest=sieve.digests.record(record),
                mapping_version=sieve.version,
            )
        )

    def _continued(self, entry: QuarantinedRecord) -> QuarantinedRecord:
        before, now_ns = self.known.get(entry.key_digest), self.sieve.now_ns
        attempts = 1 if before is None else before.attempts + 1
        first_ns = now_ns if before is None else before.first_ns
        return replace(entry, attempts=attempts, first_ns=first_ns, last_ns=now_ns, session_id=self.session_id)


def mapping_version(job: Job) -> str:
    """The version of the job's mapping and of its plugin: a new release is a reason to try again, too."""
    origin = origin_of(job)
    return f"{job.mapping_version}, {origin.distribution} {origin.version}" if origin else job.mapping_version


def is_of_the_record(error: Exception) -> bool:
    """Whether ``error`` is about this one record; any other of ours would meet every record alike."""
    if isinstance(error, (RejectedRecordError, IgnoredFieldsError, UnreachableError)):
        return True
    return not isinstance(error, BuswayError) or error.code == "BW4007"


def problem_of(job: Job, change: Change, error: Exception) -> Problem:
    """``error`` as a problem, with the names of refused fields and never the remote's words about their values."""
    where = f"job {job.name}, {change.action} of {change.label}"
    if isinstance(error, RejectedRecordError) and error.fields and not error.problem.why:
        own, names = error.problem, ", ".join(error.fields)
        return Problem(own.code, own.what, own.where or where, f"fields: {names}", own.fix)
    if isinstance(error, BuswayError):
        return error.problem
    return Problem(
        "BW6002",
        f"the {change.action} raised {type(error).__name__}",
        ", ".join((where, raised_at(error), *_origin(job))),
        "the job raised an error that is none of busway.errors; its text may hold data and is not shown",
        "mend the job, or let it raise RejectedRecordError where the target refuses the record",
    )


def problem_of_unplanned(job: Job, one: Unplanned) -> Problem:
    """A record that was not even planned, as a problem."""
    what = "; ".join(one.reasons)
    place = f"job {job.name}, {one.stage} of {one.label}"
    if one.code == "BW6002" and one.stage != "validate":
        place = ", ".join((place, *_origin(job)))
    return Problem(one.code, what, place, fix="mend the record in the source; the next run tries it again")


def _fields_of(error: Exception) -> tuple[str, ...]:
    if isinstance(error, RejectedRecordError):
        return (*error.fields,)
    return error.names if isinstance(error, IgnoredFieldsError) else ()


def _reason(error: Exception) -> str:
    if isinstance(error, UnreachableError):
        return "transient"
    if isinstance(error, IgnoredFieldsError):
        return "ignored"
    return "rejected" if isinstance(error, RejectedRecordError) else "broken"


def _text(problem: Problem) -> str:
    return f"{problem.what} ({problem.why})" if problem.why else problem.what


def _origin(job: Job) -> tuple[str, ...]:
    """The plugin of ``job`` with its entry point, where known."""
    origin = origin_of(job)
    return (origin.where,) if origin else ()
