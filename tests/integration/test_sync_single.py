"""One record on its way: what a run of a single record does, and what it leaves alone."""

from __future__ import annotations

import pytest

from builders.recording_target import PeopleJob, RecordingTarget, person
from builders.sync_engine import UNBRAKED, Bench
from busway.contracts.records import Record
from busway.contracts.runs import Run
from busway.errors import RejectedRecordError, UsageError
from busway.sync.plan import Action


class Finding(PeopleJob):
    """Knows how to look for a record."""

    def find(self, record: Record) -> Record | None:
        return next((dict(one) for one in self.remote.records.values() if one["number"] == record["number"]), None)

    def label(self, record: Record) -> str:
        return f"person {record['number']}"


class Picky(Finding):
    """Its mapping refuses records."""

    def map(self, record: Record, run: Run) -> Record:
        if "refused" in record:
            raise RejectedRecordError("has no desk")
        return record


def bench(job: PeopleJob) -> Bench:
    one = Bench(job, tables={"people": UNBRAKED})
    one.state.managed["people"] = set(job.remote.records)
    return one


@pytest.mark.parametrize("kind", [PeopleJob, Finding])
def test_nobody_but_the_one_record_is_touched(kind: type[PeopleJob]) -> None:
    target = RecordingTarget.holding(*(person(n, town="Old") for n in (1, 2, 3)))
    one = bench(kind([person(1), person(2)], target))
    report, trace = one.engine.run_one("people", "1")
    assert trace is not None
    assert (report.jobs[0].counts.written, report.exit_code) == (1, 0)
    assert target.operations() == [("update", "t1")]
    plan, _ = one.engine.plan_one("people", "3")
    assert [(change.action, change.label) for change in plan.changes] == [
        (Action.DEACTIVATE, "3" if kind is PeopleJob else "person 3")
    ]


@pytest.mark.parametrize("text", ["1", "person 1"])
def test_a_record_is_called_by_its_key_or_its_label(text: str) -> None:
    one = bench(Finding([person(1), person(2)], RecordingTarget.holding(person(9))))
    plan, trace = one.engine.plan_one("people", text)
    assert [(change.action, change.label) for change in plan.changes] == [(Action.CREATE, "person 1")]
    assert (trace.key, plan.only) == ("1", "1")


@pytest.mark.parametrize("text", ["9", "person 9"])
def test_so_is_one_that_the_source_does_not_have_any_more(text: str) -> None:
    one = bench(Finding([person(1)], RecordingTarget.holding(person(8), person(9))))
    report, _ = one.engine.run_one("people", text)
    assert report.jobs[0].counts.deactivated == 1
    assert one.engine.job("people").remote.operations() == [("deactivate", "t2")]  # type: ignore[attr-defined]


def test_a_key_wins_over_a_label() -> None:
    one = bench(Finding([person(1), {**person(2), "number": "person 1"}]))
    plan, _ = one.engine.plan_one("people", "person 1")
    assert [change.key for change in plan.changes] == ["person 1"]


def test_what_nobody_has_is_a_usage_error() -> None:
    one = bench(Finding([person(1)]))
    with pytest.raises(UsageError) as caught:
        one.engine.plan_one("people", "nobody")
    assert caught.value.code == "BW4018"


@pytest.mark.parametrize(("flaw", "code"), [({"broken": "x"}, "BW6002"), ({"refused": "x"}, "BW6001")])
def test_a_record_that_does_not_map_is_traced_to_where_it_fails(flaw: Record, code: str) -> None:
    job = Finding if code == "BW6002" else Picky
    one = bench(job([person(1, **flaw), person(2)]))
    report, trace = one.engine.run_one("people", "1")
    assert trace is not None
    assert [step.name for step in trace.steps if not step.good] == ["map", "act"]
    assert [failure.problem.code for failure in report.jobs[0].failures] == [code]
    assert report.exit_code == 6


def test_another_record_that_does_not_map_is_in_nobodys_way() -> None:
    one = bench(Picky([person(1, refused="x"), {**person(2), "number": " 2 "}]))
    plan, _ = one.engine.plan_one("people", "person  2 ")
    assert [change.action for change in plan.changes] == [Action.CREATE]
