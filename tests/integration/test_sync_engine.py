"""The engine from end to end against a recording target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from builders.recording_target import PeopleJob, RecordingTarget, person
from builders.sync_engine import NOON, UNBRAKED, Bench
from busway.contracts.events import Severity
from busway.contracts.fields import FieldRule, always, create_only, never
from busway.contracts.jobs import Job
from busway.contracts.keys import casefolded, exact
from busway.contracts.records import Complete, Pending, Record, Skip
from busway.contracts.runs import Run
from busway.errors import HeldError, UsageError
from busway.stores.state import StateStore
from busway.sync.plan import Action, Plan
from busway.sync.report import Counts, JobReport, Outcome
from busway.sync.state import StoredSyncState


def bench(*source: Record, target: RecordingTarget | None = None, **table: Any) -> Bench:
    job = PeopleJob(source, target)
    return Bench(job, tables={"people": {**UNBRAKED, **table}})


def test_a_run_creates_updates_deactivates_and_reactivates() -> None:
    target = RecordingTarget.holding(person(1, town="Old"), person(2), person(3, active=0), person(4))
    one = bench(person(1), person(3), person(4), person(5), target=target)
    one.state.managed["people"] = {"t1", "t2", "t3"}
    one.state.deactivated["people"] = {"t3"}
    (report,) = one.engine.run().jobs
    assert report.outcome is Outcome.DONE
    assert report.counts.as_dict() == {
        "created": 1,
        "updated": 1,
        "deactivated": 1,
        "reactivated": 1,
        "unchanged": 1,
        "skipped": 0,
        "quarantined": 0,
        "failed": 0,
    }
    assert target.operations() == [("create", "t5"), ("update", "t1"), ("deactivate", "t2"), ("reactivate", "t3")]
    assert one.state.managed["people"] == {"t1", "t2", "t3", "t5"}
    assert one.state.deactivated["people"] == {"t2"}, "what Busway deactivated, it may reactivate, and nothing else"
    assert one.state.good["people"] == {"source_count": 4, "session_id": "session-1", "at_ns": NOON}


def test_the_next_run_changes_nothing() -> None:
    one = bench(person(1), person(2))
    one.engine.run()
    (report,) = one.engine.run().jobs
    assert (report.counts.written, report.counts.unchanged) == (0, 2)


def test_an_adopted_record_becomes_managed() -> None:
    target = RecordingTarget.holding({**person(1), "number": ""})
    job = PeopleJob([person(1)], target, adopt_on=(exact("email"),))
    one = Bench(job, tables={"people": UNBRAKED})
    one.engine.run()
    assert target.ledger == [("update", "t1", {"number": "1"})]
    assert one.state.managed["people"] == {"t1"}
    assert one.engine.plan("people").changes == []


def test_an_adoption_with_nothing_to_write_writes_nothing() -> None:
    target = RecordingTarget.holding({"email": "p1@example.test", "name": "Name1", "town": "Springfield"})
    fields = {"number": never, "name": always, "email": always, "town": always}
    one = Bench(PeopleJob([person(1)], target, adopt_on=(exact("email"),), fields=fields))
    one.engine.run()
    assert (target.ledger, one.state.managed["people"]) == ([], {"t1"})


def test_every_job_has_its_own_session_and_tells_every_change() -> None:
    target = RecordingTarget.holding(person(1, town="Old"), person(9))
    one = bench(person(1), person(2), person(3, skip="no site"), person(4, broken="x"), target=target)
    one.state.managed["people"] = {"t2"}
    report = one.engine.run()
    events = one.events
    assert events.of("start_sync") == [("people", report.run_id)]
    assert not events.open
    details = {"label": "2", "fields": ["email", "name", "number", "town"]}
    assert events.of("log_creation") == [("person", "t3", details, "session-1")]
    assert events.of("log_update") == [("person", "t1", {"label": "1", "fields": ["town"]}, "session-1")]
    assert events.of("log_deletion") == [("person", "t2", "absent from the source", "session-1")]
    assert events.of("log_skip") == [("person", "3", "no site", "session-1")]
    assert events.of("log_error") == [
        ("mapping", "person", "4", "BW6002: mapping raised ValueError", None, "session-1"),
    ]
    assert report.exit_code == 6


def test_a_plan_in_hand_is_applied_once() -> None:
    one = bench(person(1))
    plan = one.engine.plan("people")
    assert plan.summary() == "1 create, 0 unchanged"
    assert one.engine.apply(plan).counts.created == 1
    with pytest.raises(UsageError) as caught:
        one.engine.apply(plan)
    assert caught.value.code == "BW4009"


def test_a_preview_writes_nothing_and_opens_no_session() -> None:
    target = RecordingTarget.holding(person(9))
    one = bench(person(1), target=target)
    one.engine.plan("people")
    assert (target.attempts, one.events.calls, one.state.managed) == (0, [], {})
    assert one.data.begun == one.data.ended == 1


def test_a_held_plan_is_refused_by_apply_and_reported_by_run() -> None:
    target = RecordingTarget.holding(*(person(n) for n in range(20)))
    one = bench(*(person(n) for n in range(18)), target=target, max_deactivations_pct=5)
    one.state.managed["people"] = set(target.records)
    plan = one.engine.plan("people")
    with pytest.raises(HeldError) as caught:
        one.engine.apply(plan)
    assert caught.value.code == "BW7001"
    report = one.engine.run()
    assert report.jobs[0].outcome is Outcome.HELD
    assert report.exit_code == 7
    assert target.attempts == 0
    assert one.state.good == {}
    assert one.events.of("log_error")[0][0] == "held"


class Titles(Job):
    name, entity, match_on, distinct = "titles", "title", casefolded("name"), True
    fields: ClassVar[Mapping[str, FieldRule]] = {"name": create_only}

    def __init__(self, names: Sequence[str], target: RecordingTarget) -> None:
        self.names, self.remote = names, target

    def source(self, run: Run) -> Iterator[Record]:
        yield from run.data.get_or_populate("vista.titles", loader=lambda: [{"name": name} for name in self.names])

    def target(self, run: Run) -> Complete[Record]:
        return self.remote.read()

    def create(self, record: Record) -> Record:
        return self.remote.create(record)


class Workers(PeopleJob):
    name, entity, depends_on = "workers", "worker", ("titles",)
    fields: ClassVar[Mapping[str, FieldRule]] = {"number": create_only, "title_id": always}

    def map(self, record: Record, run: Run) -> Record | Skip:
        ids = {title["name"].casefold(): title["id"] for title in run.target_of("titles")}
        title_id = ids.get(record["title"].casefold())
        return {"number": record["number"], "title_id": title_id} if title_id else Skip("no title")


@dataclass
class Company:
    """Two jobs, one of which needs the ids the other creates."""

    titles: RecordingTarget
    workers: RecordingTarget
    bench: Bench


@pytest.fixture
def company() -> Company:
    titles, workers = RecordingTarget(), RecordingTarget()
    people = [person(1, title="Driver"), person(2, title="DRIVER"), person(3, title="Clerk")]
    jobs = (Workers(people, workers), Titles(["Driver", "driver", "Clerk"], titles))
    return Company(titles, workers, Bench(*jobs, tables={"workers": UNBRAKED, "titles": UNBRAKED}))


def test_a_dependent_job_sees_what_the_run_has_created(company: Company) -> None:
    report = company.bench.engine.run()
    assert [(job.job, job.counts.created) for job in report.jobs] == [("titles", 2), ("workers", 3)]
    assert {record["title_id"] for record in company.workers.records.values()} == set(company.titles.records)
    assert company.titles.reads == 1


def test_a_job_alone_reads_the_target_it_depends_on(company: Company) -> None:
    company.bench.engine.run(["titles"])
    report = company.bench.engine.run(["workers"])
    assert [job.job for job in report.jobs] == ["workers"]
    assert report.jobs[0].counts.created == 3


def test_a_preview_of_both_shows_pending_ids(company: Company) -> None:
    titles, workers = company.bench.engine.plans()
    assert (titles.count(Action.CREATE), titles.merged) == (2, 1)
    assert workers.changes[0].record["title_id"] == Pending("titles", "driver")
    assert company.titles.attempts == company.workers.attempts == 0


def test_a_previewed_plan_that_waits_is_not_applied_alone(company: Company) -> None:
    _, workers = company.bench.engine.plans()
    with pytest.raises(UsageError) as caught:
        company.bench.engine.apply(workers)
    assert caught.value.code == "BW4008"
    assert company.workers.attempts == 0


def test_previewed_plans_are_applied_together(company: Company) -> None:
    report = company.bench.engine.apply_plans(company.bench.engine.plans())
    assert report.exit_code == 0
    assert {record["title_id"] for record in company.workers.records.values()} == set(company.titles.records)


def test_a_saved_plan_of_both_is_applied(company: Company, tmp_path: Path) -> None:
    engine = company.bench.engine
    engine.save(engine.plans(), tmp_path / "plan.json")
    assert engine.apply_saved(tmp_path / "plan.json").exit_code == 0
    assert len(company.workers.records) == 3


def test_a_plan_that_waits_is_refused_when_its_sides_have_moved(company: Company) -> None:
    plans = company.bench.engine.plans()
    company.workers.records["x"] = {"id": "x", "number": "1", "active": 1}
    report = company.bench.engine.apply_plans(plans)
    assert [job.outcome for job in report.jobs] == [Outcome.DONE, Outcome.ABORTED]
    assert report.jobs[1].problem is not None
    assert report.jobs[1].problem.code == "BW4023"
    assert company.workers.ledger == []


def test_jobs_are_listed_in_order(company: Company) -> None:
    assert [(one.name, one.depends_on) for one in company.bench.engine.jobs()] == [
        ("titles", ()),
        ("workers", ("titles",)),
    ]


def test_source_records_come_as_the_source_has_them(company: Company) -> None:
    assert company.bench.engine.source_records("titles")[0] == {"name": "Driver"}


class Watcher:
    """Progress that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def started(self, job: str) -> None:
        self.told.append(("started", job))

    def planned(self, plan: Plan) -> None:
        self.told.append(("planned", len(plan.changes)))

    def advanced(self, job: str, done: int, total: int, counts: Counts) -> None:
        self.told.append((done, total, counts.created))

    def finished(self, report: JobReport) -> None:
        self.told.append(("finished", report.outcome))


def test_progress_is_told_step_by_step() -> None:
    watcher = Watcher()
    bench(person(1), person(2)).engine.run(progress=watcher)
    assert watcher.told == [
        ("started", "people"),
        ("planned", 2),
        (1, 2, 1),
        (2, 2, 2),
        ("finished", Outcome.DONE),
    ]


def test_notes_of_a_job_reach_report_and_events_once() -> None:
    class Noting(PeopleJob):
        def map(self, record: Record, run: Run) -> Record | Skip:
            run.note("two sites share a code", code="A1")
            return record

    one = Bench(Noting([person(1), person(2)]), tables={"people": UNBRAKED})
    note = "two sites share a code (code=A1)"
    assert one.engine.run().jobs[0].warnings == [note]
    told = {"job": "people", "message": note}
    assert one.events.of("emit") == [("system", Severity.WARNING, told, "session-1")]


def test_state_is_kept_in_the_store(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "state")
    state = StoredSyncState(store)
    state.add_managed("people", ["t1", "t2", "t1"])
    state.mark_deactivated("people", "t1", deactivated=True)
    state.mark_deactivated("people", "t2", deactivated=True)
    state.mark_deactivated("people", "t1", deactivated=False)
    assert state.deactivated_ids("people") == {"t2"}
    state.record_good_run("people", 2, "session-1", NOON)
    assert state.managed_ids("people") == {"t1", "t2"}
    assert state.last_good_run("people") == {"source_count": 2, "session_id": "session-1", "at_ns": NOON}
    assert state.last_good_run("titles") is None
    assert (state.plan_used_at("p"), state.mark_plan_used("p", 5), state.mark_plan_used("p", 6)) == (0, True, False)
    assert state.plan_used_at("p") == 5
    store.close()


def test_a_second_run_is_refused_before_it_reads_anything() -> None:
    one = bench(person(1))
    one.coordinator.taken_by = "process 7 on host"
    for start in (one.engine.run, lambda: one.engine.apply(one.engine.plan("people"))):
        with pytest.raises(HeldError, match="BW7002") as caught:
            start()
        assert "process 7 on host since 2026-01-01 " in caught.value.problem.why
    assert one.engine.plan("people").changes, "looking is allowed"
