"""Writes that a run had in hand when it ended: read back, told, and never repeated blindly."""

from __future__ import annotations

import pytest

from builders.recording_target import PeopleJob, RecordingTarget, person
from builders.sync_engine import UNBRAKED, Bench
from busway.contracts.keys import exact
from busway.contracts.records import Complete, Record
from busway.errors import HeldError
from busway.sync.report import JobReport, Outcome


class Killed(BaseException):
    """Stands in for a kill: nothing after it runs, and nobody handles it."""


class Dying(RecordingTarget):
    """Ends the process right before or right after a write."""

    def __init__(self, *, after: bool) -> None:
        super().__init__()
        self.after, self.armed = after, True

    def _before(self, operation: str, payload: Record) -> None:
        if self.armed and not self.after:
            raise Killed
        super()._before(operation, payload)

    def _carried_out(self, operation: str, target_id: str, payload: Record) -> Record:
        answer = super()._carried_out(operation, target_id, payload)
        if self.armed and self.after:
            raise Killed
        return answer


class Finding(PeopleJob):
    finds = 0

    def find(self, record: Record) -> Record | None:
        self.finds += 1
        return next((dict(one) for one in self.remote.records.values() if one["number"] == record["number"]), None)


def killed(job: PeopleJob, target: Dying) -> Bench:
    """A bench whose first run was killed in its first write."""
    one = Bench(job, tables={"people": UNBRAKED})
    with pytest.raises(Killed):
        one.engine.run()
    target.armed = False
    one.events.calls.clear()
    return one


def run(one: Bench) -> JobReport:
    return one.engine.run().jobs[0]


def test_a_create_that_was_carried_out_becomes_ours_and_is_told() -> None:
    target = Dying(after=True)
    one = killed(Finding([person(1)], target), target)
    (row,) = one.state.writes_in_hand.of("people")
    assert (row.label, row.action, row.fields) == ("1", "create", ["email", "name", "number", "town"])
    assert "Name1" not in repr(row)
    plan = one.engine.plan("people")
    assert (plan.changes, plan.linked) == ([], 0), "a preview counts it as ours, and changes nothing"
    assert one.state.writes_in_hand.of("people") == [row]
    report = run(one)
    assert (report.counts.unchanged, target.operations()) == (1, [("create", "t1")])
    assert one.state.managed["people"] == {"t1"}
    assert one.state.writes_in_hand.of("people") == []
    assert report.warnings == [
        f"run {row.run_id[:11]} ended in the middle of 1 write; read back: 1 had been carried out"
    ]
    (told,) = one.events.of("log_creation")
    assert told[:2] == ("person", "t1")
    assert told[2] == {"label": "1", "fields": row.fields, "read_back": True, "run": row.run_id}


def test_a_create_that_was_not_carried_out_is_looked_up_before_it_is_sent() -> None:
    target = Dying(after=False)
    job = Finding([person(1)], target)
    one = killed(job, target)
    report = run(one)
    assert (report.counts.created, target.operations(), job.finds) == (1, [("create", "t1")], 1)
    assert one.state.writes_in_hand.of("people") == []


def test_a_record_that_a_slow_target_shows_only_when_asked_for_is_not_created_again() -> None:
    class Slow(Dying):
        """Its list lags behind its search."""

        lagging = True

        def read(self) -> Complete[Record]:
            shown = super().read()
            return Complete([] if self.lagging else shown)

    target = Slow(after=True)
    one = killed(Finding([person(1)], target), target)
    report = run(one)
    assert (report.counts.created, target.operations()) == (1, [("create", "t1")])
    assert one.state.managed["people"] == {"t1"}
    target.lagging = False
    assert run(one).counts.unchanged == 1


def test_a_create_in_doubt_whose_record_left_the_source_is_forgotten() -> None:
    target = Dying(after=False)
    job = Finding([person(1)], target)
    one = killed(job, target)
    job.people.clear()
    run(one)
    assert one.state.writes_in_hand.of("people") == []


@pytest.mark.parametrize("after", [True, False])
def test_a_deactivation_in_doubt_stays_ours_exactly_if_it_happened(after: bool) -> None:
    target = Dying(after=after)
    target.records = RecordingTarget.holding(person(1)).records
    job = Finding([], target)
    one = Bench(job, tables={"people": UNBRAKED})
    one.state.managed["people"] = {"t1"}
    with pytest.raises(Killed):
        one.engine.run()
    assert one.state.deactivated["people"] == {"t1"}, "remembered before it was sent"
    target.armed = False
    job.people.append(person(1))
    report = run(one)
    assert (report.counts.reactivated, report.counts.unchanged) == ((1, 0) if after else (0, 1))
    assert one.state.deactivated["people"] == set()
    assert target.records["t1"]["active"] == 1


@pytest.mark.parametrize("after", [True, False])
def test_an_adoption_in_doubt_is_ours_once_the_target_shows_our_key(after: bool) -> None:
    target = Dying(after=after)
    target.records = RecordingTarget.holding({**person(1), "number": ""}).records
    one = killed(Finding([person(1)], target, adopt_on=(exact("email"),)), target)
    report = run(one)
    assert one.state.managed["people"] == {"t1"}
    assert report.counts.updated == (0 if after else 1)
    assert target.operations() == [("update", "t1")]


def test_a_process_that_comes_back_after_another_took_over_writes_nothing() -> None:
    class Overtaken(RecordingTarget):
        def create(self, payload: Record) -> Record:
            answer = super().create(payload)
            one.state.fences.raise_to("run:bench", 99)
            return answer

    target = Overtaken()
    one = Bench(PeopleJob([person(1), person(2), person(3)], target), tables={"people": UNBRAKED})
    report = run(one)
    assert (report.outcome, report.exit_code, target.attempts) == (Outcome.ABORTED, 7, 1)
    assert report.problem is not None
    assert report.problem.code == "BW7003"
    assert one.state.managed["people"] == {"t1"}, "what it wrote is accounted"


def test_a_lost_lease_ends_the_run_between_two_records() -> None:
    class Taking(RecordingTarget):
        def create(self, payload: Record) -> Record:
            one.lease_clock.sleep(60)
            return super().create(payload)

    target = Taking()
    one = Bench(PeopleJob([person(1), person(2)], target), tables={"people": UNBRAKED})
    report = one.engine.run()
    assert (report.jobs[0].outcome, report.exit_code, target.attempts) == (Outcome.STOPPED, 7, 1)
    problem = report.jobs[0].problem
    assert problem is not None
    assert problem.code == "BW7003"
    with pytest.raises(HeldError, match="BW7002"), one.engine._lease.held():
        one.engine.run()
