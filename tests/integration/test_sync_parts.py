"""Records that are in the target in part: what it does not take is left out, and everything else goes on."""

from __future__ import annotations

from builders.recording_target import PeopleJob, RecordingTarget, person
from builders.sync_engine import UNBRAKED, Bench
from busway.contracts.records import Record
from busway.errors import RejectedRecordError


def refusing_email(operation: str, payload: Record) -> Exception | None:
    return RejectedRecordError("refused", fields={"email": ("no",)}) if "email" in payload else None


def bench(*source: Record, target: RecordingTarget) -> tuple[Bench, list[Record]]:
    records = list(source)
    return Bench(PeopleJob(records, target), tables={"people": UNBRAKED}), records


def test_a_change_of_another_field_does_not_send_the_refused_one_again() -> None:
    target = RecordingTarget(fault=refusing_email)
    one, source = bench(person(1), target=target)
    one.engine.run()
    source[0]["town"] = "Shelbyville"
    attempts = target.attempts
    (report,) = one.engine.run().jobs
    assert (report.counts.updated, report.partial, target.attempts) == (1, 1, attempts + 1)
    assert target.ledger[-1] == ("update", "t1", {"town": "Shelbyville"})
    (entry,) = one.state.quarantine.of("people")
    assert (entry.reason, [*entry.fields]) == ("partial", ["email"])
    (again,) = one.engine.run().jobs
    assert (again.counts.unchanged, again.partial, target.attempts) == (1, 1, attempts + 1)


def test_a_field_that_is_refused_alone_keeps_no_other_from_being_written() -> None:
    target = RecordingTarget.holding(person(1, email="old@example.test"))
    target.fault = refusing_email
    one, source = bench(person(1), target=target)
    (report,) = one.engine.run().jobs
    assert report.counts.failed == 1
    source[0]["town"] = "Shelbyville"
    (report,) = one.engine.run().jobs
    assert (report.counts.updated, report.counts.quarantined) == (1, 0)
    assert target.ledger == [("update", "t1", {"town": "Shelbyville"})]


def test_a_value_that_is_taken_ends_it() -> None:
    target = RecordingTarget(fault=refusing_email)
    one, source = bench(person(1), target=target)
    one.engine.run()
    target.fault = None
    source[0]["email"] = "new@example.test"
    (report,) = one.engine.run().jobs
    assert (report.counts.updated, one.state.quarantine.of("people")) == (1, [])
