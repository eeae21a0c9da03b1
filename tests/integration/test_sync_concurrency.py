"""Writes and jobs side by side."""

from __future__ import annotations

import threading

import pytest

from builders.recording_target import Fault, PeopleJob, RecordingTarget, person
from builders.sync_engine import UNBRAKED, Bench
from busway.contracts.limits import Limiter
from busway.contracts.records import Complete, Record
from busway.contracts.runs import Run
from busway.contracts.stopping import stop_requested
from busway.errors import RejectedRecordError, StoppedError, UnreachableError
from busway.sync.report import Outcome

PEOPLE = 30


class Locked(RecordingTarget):
    """Safe to use from many threads, and counts how many are at work."""

    def __init__(self, fault: Fault | None = None) -> None:
        super().__init__(fault=fault)
        self.lock = threading.Lock()
        self.now = self.most = 0
        self.met = threading.Barrier(4, timeout=10)

    def create(self, payload: Record) -> Record:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        if self.met.n_waiting or self.most < 4:
            self.met.wait()
        with self.lock:
            self.now -= 1
            return super().create(payload)


def bench(target: RecordingTarget, count: int = PEOPLE, **table: object) -> Bench:
    job = PeopleJob([person(number) for number in range(count)], target, concurrency=4)
    return Bench(job, tables={"people": {**UNBRAKED, **table}})


def test_as_many_writes_are_under_way_as_the_job_declares_and_all_are_accounted() -> None:
    target = Locked()
    one = bench(target, count=PEOPLE)
    report = one.engine.run().jobs[0]
    assert (report.counts.created, target.most) == (PEOPLE, 4)
    assert one.state.managed["people"] == set(target.records)
    assert len(one.events.of("log_creation")) == PEOPLE
    assert one.state.writes_in_hand.of("people") == []
    assert one.engine.plan("people").changes == []


def test_configuration_decides_over_the_declaration() -> None:
    target = RecordingTarget()
    report = bench(target, concurrency=1).engine.run().jobs[0]
    assert [operation for operation, _ in target.operations()] == ["create"] * PEOPLE
    assert [record["number"] for _, _, record in target.ledger] == sorted(str(n) for n in range(PEOPLE))
    assert report.outcome is Outcome.DONE


def test_a_brake_waits_for_what_is_under_way() -> None:
    target = Locked(fault=lambda operation, payload: RejectedRecordError("no"))
    one = bench(target, max_consecutive_errors=2)
    report = one.engine.run().jobs[0]
    assert report.outcome is Outcome.ABORTED
    assert report.counts.failed == target.attempts == len(one.state.quarantine.of("people"))
    assert 2 <= target.attempts <= 2 + 4


def test_an_outage_is_met_by_no_more_than_are_under_way() -> None:
    error = UnreachableError("BW5002", "away")
    error.ambiguous = False
    target = Locked(fault=lambda operation, payload: error)
    one = bench(target, max_attempts=1)
    report = one.engine.run().jobs[0]
    assert (report.outcome, report.exit_code) == (Outcome.ABORTED, 5)
    assert 3 <= target.attempts <= 3 + 4
    assert one.state.quarantine.of("people") == []


def test_independent_jobs_meet_and_dependent_ones_wait() -> None:
    meeting = threading.Barrier(2, timeout=10)

    class Meeting(PeopleJob):
        def target(self, run: Run) -> Complete[Record]:
            meeting.wait()
            return super().target(run)

    first = Meeting([person(1)], name="first")
    second = Meeting([person(1)], name="second")
    third = PeopleJob([person(1)], name="third", depends_on=("first", "second"))
    one = Bench(third, first, second, parallel=3)
    report = one.engine.run()
    assert [job.outcome for job in report.jobs] == [Outcome.DONE] * 3
    assert report.jobs[-1].job == "third"
    assert not one.events.open


def test_a_target_that_two_jobs_need_is_read_once() -> None:
    shared = RecordingTarget.holding(person(1))
    base = PeopleJob([person(1)], shared, name="base")

    class Looking(PeopleJob):
        def source(self, run: Run) -> object:  # type: ignore[override]
            assert len(run.target_of("base")) == 1
            return [person(2)]

    jobs = [Looking([], name=f"looking{number}", depends_on=("base",)) for number in range(4)]
    one = Bench(base, *jobs, parallel=4)
    assert one.engine.run().exit_code == 0
    assert shared.reads == 1


def test_warnings_stay_with_the_job_they_are_of() -> None:
    class Noting(PeopleJob):
        def target(self, run: Run) -> Complete[Record]:
            run.note(f"hello from {self.name}")
            return super().target(run)

    one = Bench(*(Noting([person(1)], name=f"job{number}") for number in range(4)), parallel=4)
    report = one.engine.run()
    assert {job.job: job.warnings for job in report.jobs} == {f"job{n}": [f"hello from job{n}"] for n in range(4)}


@pytest.mark.parametrize("parallel", [1, 3])
def test_a_wait_for_the_quota_ends_when_asked_to_stop_and_nothing_of_it_is_left(parallel: int) -> None:
    class Waiting:
        """A limiter whose turn never comes."""

        def wait(self, share: str = "", count: int = 1) -> float:
            asked.set()
            for _ in range(1000):
                if stop_requested():
                    raise StoppedError("BW7006", "stopped")
                threading.Event().wait(0.01)
            raise AssertionError("nobody asked to stop")

        def back_off(self, seconds: float) -> None:
            """Nothing to hold."""

    class Paced(PeopleJob):
        limiter: Limiter = Waiting()

        def update(self, current: Record, changes: Record) -> Record:
            self.limiter.wait("writes")
            return super().update(current, changes)

    asked = threading.Event()

    class Stop:
        def requested(self) -> bool:
            return asked.is_set()

    target = RecordingTarget.holding(person(1, town="Old"))
    other = PeopleJob([person(1)], name="other")
    one = Bench(Paced([person(1)], target), other, tables={"people": UNBRAKED}, parallel=parallel)
    report = one.engine.run(stop=Stop())
    stopped = next(job for job in report.jobs if job.job == "people")
    assert (stopped.outcome, stopped.counts.failed, report.exit_code) == (Outcome.STOPPED, 0, 130)
    assert target.attempts == 0
    assert one.state.writes_in_hand.of("people") == []
    assert one.state.quarantine.of("people") == []


def test_a_read_that_waits_for_the_quota_ends_when_asked_to_stop() -> None:
    class Reading(PeopleJob):
        def target(self, run: Run) -> Complete[Record]:
            assert stop_requested()
            raise StoppedError("BW7006", "stopped")

    class Stop:
        asked = 0

        def requested(self) -> bool:
            self.asked += 1
            return self.asked > 1

    report = Bench(Reading([person(1)])).engine.run(stop=Stop())
    assert (report.jobs[0].outcome, report.jobs[0].problem, report.exit_code) == (Outcome.STOPPED, None, 130)
