"""Records that fail in a run, and what the next runs do with them."""

from __future__ import annotations

from typing import Any

from builders.recording_target import PeopleJob, RecordingTarget, person
from builders.sync_engine import UNBRAKED, Bench
from busway.contracts.fields import always, create_only
from busway.contracts.records import Record
from busway.errors import RejectedRecordError, UnreachableError
from busway.sync.report import JobReport

HOUR_NS = 3600 * 1_000_000_000
TAKEN = "the target refused it"


class Refusing:
    """A target's opinion of some e-mail addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = {*addresses}

    def __call__(self, operation: str, payload: Record) -> Exception | None:
        if payload.get("email") in self.addresses:
            return RejectedRecordError(TAKEN, fields={"email": ["canary: has been taken"]}, status=422)
        return None


def bench(*source: Record, **job: Any) -> tuple[Bench, PeopleJob, RecordingTarget]:
    target = RecordingTarget(fault=Refusing("p2@example.test"))
    fields = {"number": create_only, "name": always, "email": always.personal(), "town": always}
    made = PeopleJob([*source], target, **{"fields": fields, **job})
    return Bench(made, tables={"people": UNBRAKED}), made, target


def run(one: Bench) -> JobReport:
    return one.engine.run().jobs[0]


def test_a_refused_record_is_sent_once_and_again_when_the_field_changes() -> None:
    one, job, target = bench(person(1), person(2))
    first = run(one)
    assert (first.counts.created, first.counts.failed, first.exit_code) == (1, 1, 6)
    (entry,) = one.state.quarantine.of("people")
    assert (entry.label, entry.reason, entry.action, [*entry.fields], entry.attempts) == (
        "2", "rejected", "create", ["email"], 1,
    )  # fmt: skip
    assert "canary" not in repr(entry)
    assert "p2@" not in repr(entry)
    sent = target.attempts
    second = run(one)
    assert (second.counts.quarantined, second.counts.failed, second.exit_code) == (1, 0, 0)
    assert target.attempts == sent, "nothing is sent without a reason"
    job.people[1]["town"] = "Elsewhere"
    assert run(one).counts.quarantined == 1, "an unrelated field is no reason"
    job.people[1]["email"] = "new@example.test"
    third = run(one)
    assert (third.counts.created, third.counts.quarantined) == (1, 0)
    assert one.state.quarantine.of("people") == []


def test_attempts_are_counted_over_runs() -> None:
    one, job, target = bench(person(2))
    run(one)
    target.fault = Refusing("p2@example.test", "again@example.test")
    job.people[0]["email"] = "again@example.test"
    assert run(one).counts.failed == 1
    (entry,) = one.state.quarantine.of("people")
    assert (entry.attempts, entry.session_id) == (2, "session-2")


def test_an_operator_is_a_reason_once() -> None:
    one, _, target = bench(person(2))
    run(one)
    decisions = one.engine.decisions
    decisions.release(decisions.records("people", ()), "ann", "the address is free now")
    assert run(one).counts.failed == 1
    assert target.attempts == 2
    assert run(one).counts.quarantined == 1
    assert target.attempts == 2, "it was tried for that reason, and waits for the next"
    told = one.events.of("emit")
    assert told[0][2] == {
        "operation": "records released", "actor": "ann", "reason": "the address is free now", "job": "people",
        "records": ["2"],
    }  # fmt: skip


def test_a_new_mapping_version_is_a_reason() -> None:
    one, job, target = bench(person(2))
    run(one)
    job.mapping_version = "2"  # type: ignore[misc]
    run(one)
    assert target.attempts == 2


def test_a_record_that_leaves_the_source_or_is_mended_by_hand_leaves_the_quarantine() -> None:
    one, job, target = bench(person(1), person(2))
    run(one)
    job.people.pop()
    assert run(one).exit_code == 0
    assert one.state.quarantine.of("people") == []
    job.people.append(person(2))
    run(one)
    target.records["t9"] = {**person(2), "id": "t9", "active": 1}
    assert run(one).counts.unchanged == 2
    assert one.state.quarantine.of("people") == []


def test_an_invalid_record_fails_once_and_alarms_again_when_it_changes() -> None:
    one, job, _ = bench(person(1), person(3, broken="x"))
    first = run(one)
    assert (first.counts.failed, first.exit_code) == (1, 6)
    second = run(one)
    assert (second.counts.failed, second.counts.quarantined, second.exit_code) == (0, 1, 0)
    job.people[1]["broken"] = "y"
    assert run(one).exit_code == 6
    del job.people[1]["broken"]
    assert run(one).counts.created == 1
    assert one.state.quarantine.of("people") == []


def test_repeated_keys_alarm_once() -> None:
    one, job, _ = bench(person(1), person(1))
    assert run(one).counts.failed == 2
    job.people.insert(0, person(5))
    report = run(one)
    assert (report.counts.created, report.counts.failed, report.counts.quarantined) == (1, 0, 2)


def test_a_transient_failure_is_tried_by_the_next_run_and_then_waits_longer_and_longer() -> None:
    one, _, target = bench(person(2), person(3))
    error = UnreachableError("BW5002", "busy")
    error.ambiguous = False
    target.fault = lambda operation, payload: error if payload["number"] == "2" else None
    one.tables["people"] = {**UNBRAKED, "max_attempts": 1}
    waits = []
    for _ in range(5):
        assert run(one).counts.failed == 1
        (entry,) = one.state.quarantine.of("people")
        waits.append((entry.next_ns - one.clock.ns) / HOUR_NS)
        one.clock.ns = max(entry.next_ns - 1, one.clock.ns)
        if waits[-1]:
            assert run(one).counts.quarantined == 1
        one.clock.ns += 1
    assert waits == [0, 6, 12, 24, 24]


def test_a_dependency_that_writes_wakes_the_records_that_refer_to_it() -> None:
    titles = PeopleJob([person(7)], RecordingTarget(), name="titles")
    target = RecordingTarget(fault=Refusing("p2@example.test"))
    fields = {"number": create_only, "email": always.referring("titles")}
    people = PeopleJob([person(2)], target, name="people", fields=fields, depends_on=("titles",))
    one = Bench(titles, people, tables={"people": UNBRAKED, "titles": UNBRAKED})
    one.engine.run(["people"])
    one.clock.ns += 1
    one.engine.run(["people"])
    assert target.attempts == 1
    target.fault = None
    one.engine.run()
    assert target.attempts == 2, "titles has written"
    assert one.state.quarantine.of("people") == []


def test_a_plan_shows_what_waits_and_changes_nothing() -> None:
    one, _, _ = bench(person(1), person(2))
    run(one)
    before = one.state.quarantine.of("people")
    plan = one.engine.plan("people")
    assert plan.summary() == "1 unchanged, 1 in quarantine"
    assert plan.counts()["quarantined"] == 1
    assert one.state.quarantine.of("people") == before
