"""What the engine does when reads, writes, stores and jobs fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from builders.faulty_target import FaultyTarget
from builders.recording_target import Fault, PeopleJob, RecordingTarget, person
from builders.sync_engine import UNBRAKED, Bench, MemoryState
from busway.contracts.records import Complete, Record
from busway.contracts.runs import Run
from busway.errors import (
    BuswayError,
    ConfigurationError,
    IncompleteReadError,
    RefusedError,
    RejectedRecordError,
    UnreachableError,
)
from busway.sync.report import JobReport, Outcome


def bench(job: PeopleJob, *others: PeopleJob, **table: Any) -> Bench:
    return Bench(job, *others, tables={"people": {**UNBRAKED, **table}})


def people(*numbers: int) -> list[Record]:
    return [person(number) for number in numbers]


def run(job: PeopleJob, **table: Any) -> tuple[JobReport, Bench]:
    one = bench(job, **table)
    return one.engine.run().jobs[0], one


def failing(operation: str, error: Exception, *numbers: int) -> Fault:
    """Fails ``operation`` for these people, or for all."""

    def fault(asked: str, payload: Record) -> Exception | None:
        hit = asked == operation and (not numbers or payload.get("number") in {str(n) for n in numbers})
        return error if hit else None

    return fault


def rejected(*fields: str) -> RejectedRecordError:
    return RejectedRecordError(
        "the target refused the record", fields={name: ["canary@x.test taken"] for name in fields}
    )


# Reads


def test_an_incomplete_target_means_no_write_at_all() -> None:
    target = RecordingTarget.holding(person(1))
    target.read_error = IncompleteReadError("BW5004", "page 3 of 9 did not answer")
    report, one = run(PeopleJob(people(1, 2), target))
    assert (report.outcome, report.exit_code, target.attempts) == (Outcome.ABORTED, 5, 0)
    assert one.state.good == {}
    assert not one.events.open


def test_a_source_that_breaks_half_way_means_no_write_at_all() -> None:
    def half() -> Iterator[Record]:
        yield person(1)
        raise OSError("canary: connection lost")

    target = RecordingTarget.holding(person(1), person(2))
    report, one = run(PeopleJob(half(), target))
    assert (report.outcome, report.exit_code, target.attempts) == (Outcome.ABORTED, 1, 0)
    assert report.problem is not None
    assert report.problem.code == "BW4005"
    assert "job people" in report.problem.where
    assert "test_sync_faults.py:" in report.problem.where
    assert "canary" not in repr(report.problem) + repr(one.events.calls)


def test_a_target_that_is_only_a_list_is_refused() -> None:
    class Careless(PeopleJob):
        def target(self, run: Run) -> Complete[Record]:
            return []  # type: ignore[return-value]

    with pytest.raises(BuswayError) as caught:
        bench(Careless(people(1))).engine.plan("people")
    assert caught.value.code == "BW4004"


def test_an_empty_source_is_held_by_default() -> None:
    target = RecordingTarget.holding(person(1))
    one = Bench(PeopleJob([], target), state=MemoryState({"people": {"t1"}}))
    report = one.engine.run()
    assert (report.jobs[0].outcome, report.exit_code, target.attempts) == (Outcome.HELD, 7, 0)


def test_a_wrong_table_stops_the_job_before_it_reads() -> None:
    target = RecordingTarget()
    report, _ = run(PeopleJob(people(1), target), max_creats=3)
    assert (report.exit_code, target.reads) == (3, 0)
    assert report.problem is not None
    assert report.problem.code == "BW4010"


# Writes


def test_a_rejected_record_fails_alone() -> None:
    target = RecordingTarget(fault=failing("create", rejected("number"), 2))
    report, one = run(PeopleJob(people(1, 2, 3), target))
    assert (report.outcome, report.exit_code) == (Outcome.DONE, 6)
    assert (report.counts.created, report.counts.failed) == (2, 1)
    (failure,) = report.failures
    assert (failure.label, failure.action, failure.problem.why) == ("2", "create", "fields: number")
    assert one.state.managed["people"] == {"t1", "t2"}
    assert one.state.good["people"]["source_count"] == 3
    told = one.events.of("log_error")[0]
    assert told[:3] == ("write", "person", "2")


def test_an_unexpected_exception_fails_the_record_and_keeps_its_text_out() -> None:
    target = RecordingTarget(fault=failing("create", KeyError("canary@x.test"), 2))
    report, one = run(PeopleJob(people(1, 2), target))
    assert (report.counts.created, report.counts.failed, report.exit_code) == (1, 1, 6)
    assert report.failures[0].problem.code == "BW6002"
    assert "KeyError" in report.failures[0].problem.what
    assert "canary" not in repr(report) + repr(one.events.calls)


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (RefusedError("BW5001", "the token is not accepted", status=401), 4),
        (ConfigurationError("BW1201", "no token"), 3),
    ],
)
def test_an_error_that_would_meet_every_record_ends_the_job(error: BuswayError, exit_code: int) -> None:
    target = RecordingTarget(fault=failing("create", error, 2))
    report, one = run(PeopleJob(people(1, 2, 3), target))
    assert (report.outcome, report.exit_code) == (Outcome.ABORTED, exit_code)
    assert (report.counts.created, report.counts.failed, target.attempts) == (1, 1, 2)
    assert one.state.managed["people"] == {"t1"}, "ids written before the end must not be lost"
    assert one.state.good == {}


def test_a_job_that_cannot_update_says_so_and_stops() -> None:
    class NoUpdate(PeopleJob):
        def update(self, current: Record, changes: Record) -> Record:
            raise self._cannot("update")

    target = RecordingTarget.holding(person(1, town="Old"))
    report, _ = run(NoUpdate(people(1), target))
    assert (report.outcome, report.exit_code) == (Outcome.ABORTED, 2)


@pytest.mark.parametrize("answer", [None, {}, {"id": ""}, {"id": None}, [], "ok"])
def test_a_create_without_proof_is_a_failure(answer: Any) -> None:
    class Silent(PeopleJob):
        def create(self, record: Record) -> Record:
            return answer  # type: ignore[no-any-return]

    report, one = run(Silent(people(1)))
    assert (report.counts.created, report.counts.failed) == (0, 1)
    assert report.failures[0].problem.code == "BW4007"
    assert one.events.of("log_creation") == []
    assert not one.state.managed["people"]


def test_an_update_without_proof_is_a_failure() -> None:
    class Silent(PeopleJob):
        def update(self, current: Record, changes: Record) -> Record:
            return None  # type: ignore[return-value]

    report, _ = run(Silent(people(1), RecordingTarget.holding(person(1, town="Old"))))
    assert (report.counts.updated, report.counts.failed) == (0, 1)


def test_a_refused_optional_field_is_left_out() -> None:
    def fault(operation: str, payload: Record) -> Exception | None:
        return rejected("email") if "email" in payload else None

    target = RecordingTarget(fault=fault)
    report, one = run(PeopleJob(people(1), target))
    assert (report.counts.created, report.counts.failed, report.exit_code) == (1, 0, 0)
    assert target.ledger == [("create", "t1", {"number": "1", "name": "Name1", "town": "Springfield"})]
    assert report.warnings == ["1: created without email, which the target refused"]
    assert one.events.of("log_creation")[0][2]["refused"] == ["email"]
    assert "canary" not in repr(report) + repr(one.events.calls)
    again = one.engine.run().jobs[0]
    assert (again.counts.unchanged, again.counts.written, again.partial, target.attempts) == (1, 0, 1, 2)


def test_the_fallback_is_tried_once_and_only_for_optional_fields() -> None:
    target = RecordingTarget(fault=failing("create", rejected("email")))
    report, _ = run(PeopleJob(people(1), target))
    assert (report.counts.failed, target.attempts) == (1, 2)
    for fields in (("email", "town"), ("phone",), ()):
        target = RecordingTarget(fault=failing("create", rejected(*fields)))
        report, _ = run(PeopleJob(people(1), target))
        assert (report.counts.failed, target.attempts) == (1, 1)


def test_an_update_of_nothing_but_the_refused_field_fails() -> None:
    target = RecordingTarget.holding(person(1, email="old@example.test"))
    target.fault = failing("update", rejected("email"))
    report, _ = run(PeopleJob(people(1), target, always_send=("name",)))
    assert (report.counts.updated, report.counts.failed, target.attempts) == (0, 1, 1)


# Lost answers


class Finding(PeopleJob):
    """Knows how to read back."""

    def find(self, record: Record) -> Record | None:
        hits = [dict(one) for one in self.remote.records.values() if one["number"] == record["number"]]
        return hits[0] if hits else None


class Times:
    """The first writes fail."""

    def __init__(self, times: int, error: Exception) -> None:
        self.left, self.error = times, error

    def __call__(self, operation: str, payload: Record) -> Exception | None:
        self.left -= 1
        return self.error if self.left >= 0 else None


def lost(ambiguous: bool | None = True) -> UnreachableError:
    error = UnreachableError("BW5002", "no answer")
    if ambiguous is not None:
        error.ambiguous = ambiguous
    return error


@pytest.mark.parametrize("ambiguous", [True, None])
def test_a_create_whose_answer_is_lost_is_read_back(ambiguous: bool | None) -> None:
    target = RecordingTarget(fault_after=failing("create", lost(ambiguous), 1))
    report, one = run(Finding(people(1, 2), target))
    assert (report.outcome, report.counts.created, report.exit_code) == (Outcome.DONE, 2, 0)
    assert one.state.managed["people"] == {"t1", "t2"}
    assert report.warnings == ["1: the answer to its create was lost; it was read back"]
    assert one.engine.plan("people").changes == []


def test_a_create_that_did_not_arrive_is_looked_for_and_sent_again() -> None:
    target = RecordingTarget(fault=Times(2, lost()))
    report, one = run(Finding(people(1, 2), target))
    assert (report.outcome, report.counts.created, report.exit_code) == (Outcome.DONE, 2, 0)
    assert target.operations() == [("create", "t1"), ("create", "t2")]
    assert one.clock.slept > 0


def test_a_create_that_cannot_be_looked_for_is_not_sent_again() -> None:
    target = RecordingTarget(fault=failing("create", lost(), 1))
    report, one = run(PeopleJob(people(1, 2), target))
    assert (report.outcome, report.counts.created, report.counts.failed, target.attempts) == (Outcome.DONE, 1, 1, 2)
    assert one.clock.slept == 0
    (entry,) = one.state.quarantine.of("people")
    assert (entry.reason, entry.label) == ("transient", "1")


def test_a_create_that_never_left_is_sent_again_without_looking() -> None:
    class Blind(PeopleJob):
        def find(self, record: Record) -> Record | None:
            raise AssertionError("nothing to look for")

    target = RecordingTarget(fault=Times(2, lost(ambiguous=False)))
    report, _ = run(Blind(people(1), target))
    assert (report.outcome, report.counts.created, target.attempts) == (Outcome.DONE, 1, 3)


def test_what_the_target_asked_to_wait_is_waited() -> None:
    busy = lost(ambiguous=False)
    busy.retry_after_seconds = 17.5
    target = RecordingTarget(fault=Times(1, busy))
    _, one = run(PeopleJob(people(1), target))
    assert one.clock.slept == 17.5


def test_the_budget_is_one_for_the_whole_job() -> None:
    busy = lost(ambiguous=False)
    busy.retry_after_seconds = 40.0
    target = RecordingTarget(fault=lambda operation, payload: busy)
    _, one = run(PeopleJob(people(*range(5)), target), retry_budget_seconds=100, max_unserved=5)
    assert (one.clock.slept, target.attempts) == (80.0, 5 + 2)


def test_reading_back_that_fails_too_keeps_the_first_error() -> None:
    class Blind(PeopleJob):
        def find(self, record: Record) -> Record | None:
            raise OSError

    report, one = run(Blind(people(1), RecordingTarget(fault=failing("create", lost()))))
    assert report.failures[0].problem.code == "BW5002"
    assert [row.label for row in one.state.writes_in_hand.of("people")] == ["1"], "it stays in doubt"


def test_one_record_that_is_not_served_fails_alone_and_is_tried_by_the_next_run() -> None:
    target = RecordingTarget(fault=failing("create", lost(ambiguous=False), 2))
    report, one = run(PeopleJob(people(1, 2, 3), target))
    assert (report.outcome, report.exit_code) == (Outcome.DONE, 6)
    assert (report.counts.created, report.counts.failed) == (2, 1)
    target.fault = None
    assert one.engine.run().jobs[0].counts.created == 1
    assert one.state.quarantine.of("people") == []


def test_an_outage_ends_the_job_and_is_held_against_no_record() -> None:
    target = RecordingTarget(fault=lambda operation, payload: lost(ambiguous=False))
    report, one = run(PeopleJob(people(*range(9)), target))
    assert (report.outcome, report.exit_code, report.counts.failed) == (Outcome.ABORTED, 5, 3)
    assert one.state.quarantine.of("people") == []
    target.fault = None
    assert one.engine.run().jobs[0].counts.created == 9


def test_other_jobs_of_an_account_that_is_away_are_not_run() -> None:
    away = RecordingTarget(fault=lambda operation, payload: lost(ambiguous=False))
    first = PeopleJob(people(*range(9)), away, name="first", account="acme")
    second = PeopleJob(people(1), RecordingTarget(), name="second", account="acme")
    third = PeopleJob(people(1), RecordingTarget(), name="third", account="other")
    report = bench(first, second, third).engine.run()
    assert [job.outcome for job in report.jobs] == [Outcome.ABORTED, Outcome.NOT_RUN, Outcome.DONE]
    problem = report.jobs[1].problem
    assert problem is not None
    assert (problem.code, report.jobs[1].exit_code) == ("BW4017", 5)
    assert problem.why == "acme has stopped answering in this run (BW5002: no answer)"


def test_a_target_that_accepts_and_ignores_a_field_is_told_and_not_asked_again() -> None:
    class Deaf(PeopleJob):
        def update(self, current: Record, changes: Record) -> Record:
            self.remote.attempts += 1
            return {**current}

    target = RecordingTarget.holding(person(1, town="Old"))
    report, one = run(Deaf(people(1), target))
    assert (report.counts.updated, report.counts.failed, report.exit_code) == (0, 1, 6)
    problem = report.failures[0].problem
    assert (problem.code, problem.why) == ("BW4016", "it answered with other values than were sent: town")
    again = one.engine.run().jobs[0]
    assert (again.counts.unchanged, again.partial, again.exit_code, target.attempts) == (1, 1, 0, 1)


def test_a_field_that_is_ignored_beside_others_is_a_record_in_part() -> None:
    class HalfDeaf(PeopleJob):
        def create(self, record: Record) -> Record:
            return super().create({**record, "town": "Elsewhere"})

    report, one = run(HalfDeaf(people(1)))
    assert (report.counts.created, report.exit_code) == (1, 0)
    assert report.warnings == ["1: the target accepted town and answered with another value"]
    (entry,) = one.state.quarantine.of("people")
    assert (entry.reason, [*entry.fields]) == ("ignored", ["town"])
    assert one.engine.plan("people").changes == []


# Brakes while writing


def test_failures_in_a_row_stop_the_job() -> None:
    target = RecordingTarget(fault=failing("create", rejected("number")))
    report, one = run(PeopleJob(people(*range(50)), target), max_consecutive_errors=10)
    assert (report.outcome, report.exit_code, target.attempts) == (Outcome.ABORTED, 6, 10)
    assert report.problem is not None
    assert report.problem.code == "BW6003"
    assert report.counts.failed == 10
    assert one.state.good == {}


def test_a_share_of_failures_stops_the_job() -> None:
    target = RecordingTarget(fault=failing("create", rejected("number"), *range(0, 100, 3)))
    report, _ = run(PeopleJob(people(*range(100)), target), max_error_pct=5)
    assert report.outcome is Outcome.ABORTED
    assert target.attempts < 30


# Stops and kills


class StopAfter:
    """Asks to stop once a target has had so many writes."""

    signal = 15

    def __init__(self, target: RecordingTarget, writes: int) -> None:
        self.target, self.writes = target, writes

    def requested(self) -> bool:
        return len(self.target.ledger) >= self.writes


def test_a_stop_finishes_the_record_in_hand() -> None:
    target = RecordingTarget()
    later = PeopleJob(people(9), RecordingTarget(), name="later", depends_on=("people",))
    apart = PeopleJob(people(9), RecordingTarget(), name="zebra")
    one = bench(PeopleJob(people(1, 2, 3, 4), target), later, apart)
    report = one.engine.run(["people", "later"], stop=StopAfter(target, 2))
    assert [job.outcome for job in report.jobs] == [Outcome.STOPPED, Outcome.NOT_RUN]
    assert report.exit_code == 143
    assert one.state.managed["people"] == {"t1", "t2"}
    assert one.state.good == {}
    assert one.engine.run(["people"]).jobs[0].counts.as_dict()["created"] == 2
    assert len(target.records) == 4


def test_an_interrupt_keeps_what_was_written_and_closes_the_session() -> None:
    class Interrupted(PeopleJob):
        def create(self, record: Record) -> Record:
            if record["number"] == "3":
                raise KeyboardInterrupt
            return super().create(record)

    one = bench(Interrupted(people(1, 2, 3)))
    with pytest.raises(KeyboardInterrupt):
        one.engine.run()
    assert one.state.managed["people"] == {"t1", "t2"}
    assert not one.events.open
    assert one.data.ended == 1


def test_a_run_after_a_lost_store_repeats_no_create() -> None:
    """The store fails after the writes: the records are linked then, not created again."""

    class Full(MemoryState):
        def add_managed(self, job: str, target_ids: Any) -> None:
            if [*target_ids]:
                raise UnreachableError("BW3101", "the state store is full")

    target = RecordingTarget()
    one = Bench(PeopleJob(people(1, 2), target), tables={"people": UNBRAKED}, state=Full())
    report = one.engine.run()
    assert (report.jobs[0].outcome, report.exit_code, target.attempts) == (Outcome.ABORTED, 5, 1)
    plan = one.engine.plan("people")
    assert ([change.key for change in plan.changes], plan.linked) == (["2"], 0), "it is known to be ours all the same"


# Several jobs


def test_only_dependents_of_a_failed_job_are_not_run() -> None:
    away = RecordingTarget(read_error=UnreachableError("BW5002", "no answer"))
    first = PeopleJob(people(1), away, name="first")
    second = PeopleJob(people(1), RecordingTarget(), name="second", depends_on=("first",))
    third = PeopleJob(people(1), RecordingTarget(), name="third", depends_on=("second",))
    apart = PeopleJob(people(1), RecordingTarget(), name="apart")
    one = Bench(first, second, third, apart)
    report = one.engine.run()
    outcomes = {job.job: job.outcome for job in report.jobs}
    assert outcomes == {
        "first": Outcome.ABORTED,
        "second": Outcome.NOT_RUN,
        "third": Outcome.NOT_RUN,
        "apart": Outcome.DONE,
    }
    assert report.exit_code == 5
    assert one.events.started == 2, "a job that was not run has no session"
    waiting = next(job for job in report.jobs if job.job == "second")
    assert waiting.problem is not None
    assert (waiting.problem.code, "first" in waiting.problem.why) == ("BW4014", True)


def test_failed_records_do_not_keep_dependents_from_running() -> None:
    target = RecordingTarget(fault=failing("create", rejected("number"), 1))
    later = PeopleJob(people(9), RecordingTarget(), name="later", depends_on=("people",))
    report = bench(PeopleJob(people(1, 2), target), later).engine.run()
    assert [job.outcome for job in report.jobs] == [Outcome.DONE, Outcome.DONE]
    assert report.exit_code == 6


# Personal data


def test_no_value_of_any_record_reaches_events_or_reports() -> None:
    canaries = {name: f"canary-{name}" for name in ("name", "email", "town")}
    target = RecordingTarget.holding(person(2, name="canary-old"), person(3), person(4, name="canary-gone"))
    target.fault = failing("create", rejected("email", "town"), 5)
    source = [person(n, **canaries) for n in (1, 2, 5)]
    job = PeopleJob([*source, person(3, broken="canary-broken"), person(6, skip="no place")], target)
    one = bench(job)
    one.state.managed["people"] = {"t1", "t2", "t3"}
    report = one.engine.run()
    assert (report.jobs[0].counts.created, report.jobs[0].counts.failed) == (1, 2)
    said = repr(one.events.calls) + repr(report) + repr([job.as_dict() for job in report.jobs])
    assert "canary" not in said


def test_a_create_whose_answer_makes_no_sense_is_read_back() -> None:
    """A 2xx without a usable record: the record exists, and must not be created a second time."""
    nonsense = RefusedError("BW5005", "the answer has no data", status=201)
    nonsense.ambiguous = True
    target = RecordingTarget(fault_after=failing("create", nonsense, 1))
    one = Bench(Finding([person(1)], target), tables={"people": UNBRAKED})
    (report,) = one.engine.run().jobs
    assert report.counts.created == 1
    assert one.state.managed["people"] == {"t1"}
    assert target.operations() == [("create", "t1")]


@pytest.mark.parametrize(("ambiguous", "remembered"), [(True, {"t1"}), (False, set())])
def test_a_deactivation_is_remembered_before_it_is_known_to_have_happened(
    ambiguous: bool, remembered: set[str]
) -> None:
    """A kill or a lost answer right after the write must not make our deactivation look like a person's."""
    seen: list[set[str]] = []
    target = RecordingTarget.holding(person(1))
    one = Bench(PeopleJob([], target), tables={"people": dict(UNBRAKED)})
    one.state.managed["people"] = {"t1"}

    def fault(operation: str, payload: Record) -> Exception | None:
        seen.append(set(one.state.deactivated.get("people", ())))
        error = UnreachableError("BW5102", "no answer")
        error.ambiguous = ambiguous
        return error

    target.fault_after = fault
    one.tables["people"]["max_attempts"] = 1
    one.engine.run()
    assert seen == [{"t1"}]
    assert one.state.deactivated.get("people", set()) == remembered


def test_what_a_lost_answer_leaves_in_doubt_stays_so_whatever_later_attempts_meet() -> None:
    """The first attempt was carried out; that the others never left is no news of it."""
    target = FaultyTarget(script=[("lost", ""), ("away", ""), ("away", "")])
    target.records["t1"] = {**person(1), "id": "t1", "active": 1}
    one = Bench(PeopleJob([], target), tables={"people": UNBRAKED})
    one.state.managed["people"] = {"t1"}
    (report,) = one.engine.run().jobs
    assert (report.counts.failed, target.attempts, target.records["t1"]["active"]) == (1, 3, 0)
    assert one.state.deactivated["people"] == {"t1"}, "it is ours, or nobody would ever undo it"
    job = PeopleJob([person(1)], target)
    assert Bench(job, tables={"people": UNBRAKED}, state=one.state).engine.run().jobs[0].counts.reactivated == 1
