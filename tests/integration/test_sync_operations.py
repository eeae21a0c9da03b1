"""What people decide about runs: held plans, pauses, adoption; and a single record with its trace."""

from __future__ import annotations

from typing import Any

import pytest

from builders.recording_target import PeopleJob, RecordingTarget, person
from builders.sync_engine import NOON, UNBRAKED, Bench
from busway.contracts.fields import always, create_only, never
from busway.contracts.keys import exact
from busway.contracts.records import Record
from busway.errors import HeldError, RejectedRecordError, UsageError
from busway.sync.report import JobReport, Outcome

HOUR_NS = 3600 * 1_000_000_000


def company(leavers: int, of: int = 40) -> tuple[Bench, RecordingTarget]:
    """A target of managed people, some of whom the source does not have any more."""
    target = RecordingTarget.holding(*(person(number) for number in range(of)))
    job = PeopleJob([person(number) for number in range(of - leavers)], target)
    one = Bench(job, tables={"people": {**UNBRAKED, "max_deactivations_pct": 5}})
    one.state.managed["people"] = set(target.records)
    return one, target


def run(one: Bench) -> JobReport:
    return one.engine.run().jobs[0]


def allow(one: Bench, report: JobReport) -> None:
    one.engine.decisions.allow(report.held_id[:13], "ann", "the site was sold")


# Held plans


def test_a_held_plan_waits_is_allowed_and_passes_once() -> None:
    one, target = company(leavers=8)
    report = run(one)
    assert (report.outcome, report.exit_code, target.attempts) == (Outcome.HELD, 7, 0)
    assert report.problem is not None
    assert report.problem.fix == (
        f'see it: busway show {report.held_id[:13]}   allow it: busway plans allow {report.held_id[:13]} --reason "..."'
    )
    (held,) = one.state.held_plans.of("people", ("held",))
    assert (held.counts["deactivate"], [brake["count"] for brake in held.brakes]) == (8, [8])
    assert held.changes[0] == {"action": "deactivate", "label": "32", "fields": []}
    allow(one, report)
    passed = run(one)
    assert (passed.outcome, passed.counts.deactivated) == (Outcome.DONE, 8)
    assert passed.warnings == ["deactivate_percent passed: allowed by ann (the site was sold)"]
    assert one.state.held_plans.of("people")[0].state == "used"
    audit = one.events.of("emit")[0]
    assert audit[0] == "audit"
    assert audit[2] == {
        "operation": "plan allowed", "actor": "ann", "reason": "the site was sold", "job": "people",
        "plan": held.hold_id, "brakes": ["deactivate_percent"], "hours": 24,
    }  # fmt: skip


def test_an_allowance_covers_what_was_seen_and_no_more() -> None:
    one, target = company(leavers=8)
    allow(one, run(one))
    job = one.engine.job("people")
    assert isinstance(job, PeopleJob)
    job.people.pop()
    again = run(one)
    assert (again.outcome, target.attempts) == (Outcome.HELD, 0)
    assert [plan.state for plan in one.state.held_plans.of("people")] == ["held", "replaced"]


def test_an_allowance_covers_other_brakes_not_at_all() -> None:
    one, target = company(leavers=8)
    allow(one, run(one))
    one.tables["people"] = {**one.tables["people"], "max_deactivations": 2}
    assert run(one).outcome is Outcome.HELD
    assert target.attempts == 0


def test_an_allowance_ends_after_a_day() -> None:
    one, target = company(leavers=8)
    allow(one, run(one))
    one.clock.ns += 24 * HOUR_NS + 1
    assert run(one).outcome is Outcome.HELD
    assert target.attempts == 0


def test_a_rejected_plan_stays_held() -> None:
    one, target = company(leavers=8)
    report = run(one)
    one.engine.decisions.reject(report.held_id, "bob", "the export was cut short")
    assert run(one).outcome is Outcome.HELD
    assert target.attempts == 0
    with pytest.raises(UsageError) as caught:
        allow(one, report)
    assert (caught.value.code, caught.value.problem.why) == ("BW7011", "it is rejected by bob")


def test_a_run_that_is_not_held_ends_the_waiting() -> None:
    one, _ = company(leavers=8)
    report = run(one)
    job = one.engine.job("people")
    assert isinstance(job, PeopleJob)
    job.people[:] = [person(number) for number in range(40)]
    assert run(one).outcome is Outcome.DONE
    with pytest.raises(UsageError, match="BW7011"):
        allow(one, report)


@pytest.mark.parametrize("text", ["", "01", "ffffffff", "x"])
def test_an_id_that_is_none_is_told(text: str) -> None:
    one, _ = company(leavers=8)
    run(one)
    with pytest.raises(UsageError) as caught:
        one.engine.decisions.held_plan(text)
    assert caught.value.code == "BW7010"


@pytest.mark.parametrize(("actor", "reason"), [("", "why"), ("ann", " ")])
def test_a_decision_needs_a_name_and_a_reason(actor: str, reason: str) -> None:
    one, _ = company(leavers=8)
    report = run(one)
    decisions = one.engine.decisions
    for decide in (
        lambda: decisions.allow(report.held_id, actor, reason),
        lambda: decisions.pause("", actor, reason),
        lambda: decisions.resume("", actor, reason),
        lambda: decisions.release((), actor, reason),
        lambda: one.engine.adopt("people", (), actor, reason),
    ):
        with pytest.raises(UsageError) as caught:
            decide()
        assert caught.value.code == "BW7012"
    assert one.state.held_plans.of()[0].state == "held"


def test_a_target_that_has_lost_what_we_manage_is_held() -> None:
    one, target = company(leavers=0)
    for number in range(1, 11):
        del target.records[f"t{number}"]
    one.tables["people"] = {**UNBRAKED, "max_target_drop_pct": 20}
    report = run(one)
    assert report.problem is not None
    assert report.problem.what == "the target of people has lost 10 of 40 (25 %); the limit is 20 %."
    assert target.attempts == 0
    one.tables["people"] = dict(UNBRAKED)
    assert run(one).counts.created == 10
    assert len(one.state.managed["people"]) == 40, "ids that are gone are forgotten"


# Pauses


def test_nothing_begins_while_all_jobs_are_paused() -> None:
    one, target = company(leavers=1)
    decisions = one.engine.decisions
    decisions.pause("", "ann", "audit week", NOON + HOUR_NS)
    with pytest.raises(HeldError) as caught:
        one.engine.run()
    assert (caught.value.code, caught.value.exit_code, target.reads) == ("BW7004", 7, 0)
    assert caught.value.problem.why == "audit week"
    assert caught.value.problem.where.startswith("by ann since 2026-01-01")
    assert one.engine.plan("people").changes, "looking is never paused"
    one.clock.ns = NOON + HOUR_NS
    assert run(one).outcome is Outcome.DONE


def test_a_paused_job_is_not_run_and_keeps_those_that_need_it() -> None:
    first = PeopleJob([person(1)], RecordingTarget(), name="first")
    second = PeopleJob([person(1)], RecordingTarget(), name="second", depends_on=("first",))
    third = PeopleJob([person(1)], RecordingTarget(), name="third")
    one = Bench(first, second, third)
    one.engine.decisions.pause("first", "ann", "mapping is being mended")
    report = one.engine.run()
    outcomes = {job.job: job.outcome for job in report.jobs}
    assert outcomes == {"first": Outcome.NOT_RUN, "second": Outcome.NOT_RUN, "third": Outcome.DONE}
    problem = report.jobs[0].problem
    assert problem is not None
    assert (problem.code, problem.fix, report.exit_code) == ("BW7004", "busway resume first", 7)
    one.tables["second"] = {"continue_with_stale_refs": True}
    outcomes = {job.job: job.outcome for job in one.engine.run().jobs}
    assert outcomes == {"first": Outcome.NOT_RUN, "second": Outcome.DONE, "third": Outcome.DONE}
    assert one.engine.decisions.resume("first", "ann", "mended")
    assert not one.engine.decisions.resume("first", "ann", "mended")
    assert one.engine.run().exit_code == 0


def test_a_pause_stops_a_run_between_two_records() -> None:
    class Pausing(RecordingTarget):
        def create(self, payload: Record) -> Record:
            answer = super().create(payload)
            if len(self.records) == 2:
                one.engine.decisions.pause("people", "ann", "stop")
                one.clock.sleep(5)
            return answer

    target = Pausing()
    one = Bench(PeopleJob([person(number) for number in range(9)], target))
    report = run(one)
    assert (report.outcome, report.exit_code, report.counts.created) == (Outcome.STOPPED, 7, 2)
    assert one.state.writes_in_hand.of("people") == []


def test_a_pause_that_cannot_be_read_lets_nothing_run() -> None:
    one, target = company(leavers=1)
    one.state.store.close()
    path = one.state.store.state_dir / "state.db"
    path.write_bytes(b"garbage" * 1000)
    with pytest.raises(Exception, match="BW3102"):
        one.engine.run()
    assert target.reads == 0


# Adoption


def test_linked_records_are_adopted_and_leave_with_the_source_from_then_on() -> None:
    target = RecordingTarget.holding(*(person(number) for number in range(3)))
    job = PeopleJob([person(0), person(1)], target)
    one = Bench(job, tables={"people": UNBRAKED})
    linked = one.engine.linked("people")
    assert [(record.label, record.target_id) for record in linked] == [("0", "t1"), ("1", "t2")]
    assert one.engine.adopt("people", linked[:1], "ann", "ours since 2019") == 1
    assert one.engine.adopt("people", linked[:1], "ann", "ours since 2019") == 0
    assert one.state.managed["people"] == {"t1"}
    assert [record.label for record in one.engine.linked("people")] == ["1"]
    job.people.clear()
    assert run(one).counts.deactivated == 1
    assert target.operations() == [("deactivate", "t1")]
    assert one.events.of("emit")[0][2]["records"] == ["0"]


def test_a_key_that_two_target_records_share_is_not_adopted() -> None:
    target = RecordingTarget.holding(person(1), person(1))
    one = Bench(PeopleJob([person(1)], target))
    assert one.engine.linked("people") == []


# A single record


FIELDS = {
    "number": create_only,
    "name": always.personal(),
    "email": always.personal().optional(),
    "town": always,
    "note": never,
}


class Findable(PeopleJob):
    def find(self, record: Record) -> Record | None:
        self.remote.attempts += 0
        return next((dict(one) for one in self.remote.records.values() if one["number"] == record["number"]), None)


def single(*source: Record, target: RecordingTarget | None = None, **job: Any) -> tuple[Bench, RecordingTarget]:
    target = target or RecordingTarget()
    one = Bench(Findable([*source], target, fields=FIELDS, **job), tables={"people": UNBRAKED})
    return one, target


def test_one_record_is_written_and_the_others_are_left_alone() -> None:
    one, target = single(*(person(number) for number in range(5)))
    report, trace = one.engine.run_one("people", "3")
    assert (report.exit_code, report.jobs[0].counts.created) == (0, 1)
    assert target.ledger == [("create", "t1", {**person(3)})]
    assert target.reads == 0, "the target was asked for this record alone"
    assert one.state.managed["people"] == {"t1"}
    assert one.state.good == {}, "one record says nothing of the others"
    assert trace is not None
    assert [(step.name, step.good) for step in trace.steps] == [
        (name, True) for name in ("connect", "read", "scope", "match", "map", "validate", "act")
    ]
    said = {step.name: step.said for step in trace.steps}
    assert said["read"].startswith("5 source records in 0.0 s; 0 target records by find()")
    assert said["scope"] == "source record 4 is in scope"
    assert said["match"] == "no target record has its key"
    assert said["act"] == "create 3"


def test_the_trace_says_of_each_field_why_it_is_sent_or_not() -> None:
    target = RecordingTarget.holding(person(1, town="Old", email="kept@example.test"))
    one, _ = single({**person(1, email="", town="New Town"), "note": "x"}, target=target)
    plan, trace = one.engine.plan_one("people", "1")
    assert plan.summary() == "1 update, 0 unchanged"
    rows = {field.name: (field.holds, field.origin, field.sent, field.why) for field in trace.fields}
    assert rows == {
        "number": ("text of 1: 1", "number", False, "policy create_only: it belongs to the people in the target"),
        "name": ("text of 5", "name", False, "the same as in the target"),
        "email": ("empty", "source", False, "empty in the source, which never clears"),
        "town": ("text of 8: New Town", "town", True, "differs"),
        "note": ("text of 1: x", "note", False, "policy never: it is not written"),
    }
    assert target.attempts == 0
    assert {step.name: step.said for step in trace.steps}["match"] == (
        "target record t1 by its key; linked, not managed: it is never deactivated"
    )


def test_a_trace_holds_no_personal_value() -> None:
    one, _ = single(person(1, name="canary-name", email="canary@example.test"))
    _, trace = one.engine.plan_one("people", "1")
    assert "canary" not in repr(trace) + repr(trace.as_dict())


def test_a_quarantined_record_is_tried_because_somebody_asks() -> None:
    one, target = single(person(1))
    target.fault = lambda operation, payload: RejectedRecordError("no", fields={"number": ["no"]})
    one.engine.run()
    assert target.attempts == 1
    report, _ = one.engine.run_one("people", "1")
    assert (target.attempts, report.exit_code) == (2, 6)
    assert one.state.quarantine.of("people")[0].attempts == 2
    target.fault = None
    assert one.engine.run_one("people", "1")[0].exit_code == 0
    assert one.state.quarantine.of("people") == []


def test_where_a_record_falls_out_is_told() -> None:
    one, target = single(person(1, skip="no site"), person(2, broken="x"), person(3), person(3))
    ways = {}
    for key in ("1", "2", "3"):
        _, trace = one.engine.plan_one("people", key)
        ways[key] = [(step.name, step.said) for step in trace.steps if not step.good]
    assert ways == {
        "1": [("scope", "source record 1 is out of scope: no site"), ("map", "not mapped"),
              ("act", "nothing: its way has ended before")],
        "2": [("map", "mapping raised ValueError"), ("act", "nothing: its way has ended before")],
        "3": [("scope", "source records 3, 4 have the same key: which of them is right cannot be known"),
              ("map", "2 source records have this match key: records 1, 2"),
              ("act", "nothing: its way has ended before")],
    }  # fmt: skip
    assert target.attempts == 0


def test_a_record_that_left_the_source_is_deactivated_where_the_source_can_be_believed() -> None:
    target = RecordingTarget.holding(person(1), person(2))
    one, _ = single(person(1), target=target)
    one.state.managed["people"] = {"t2"}
    one.tables["people"] = {"max_source_drop_pct": 20}
    one.state.good["people"] = {"source_count": 2, "session_id": "session-0", "at_ns": NOON}
    report, trace = one.engine.run_one("people", "2")
    assert report.jobs[0].outcome is Outcome.HELD
    assert one.state.held_plans.of() == []
    assert trace is not None
    assert trace.steps[-1].said.startswith("held: the source of people has lost 1 of 2")
    one.state.good.clear()
    report, _ = one.engine.run_one("people", "2")
    assert target.operations() == [("deactivate", "t2")]


def test_a_key_that_neither_side_has_is_told() -> None:
    one, _ = single(person(1))
    with pytest.raises(UsageError) as caught:
        one.engine.plan_one("people", "99")
    assert caught.value.code == "BW4018"
    assert caught.value.problem.why == "1 source and 0 target records were looked through"
    report, trace = one.engine.run_one("people", "99")
    assert (report.exit_code, trace) == (2, None)


def test_a_record_is_found_by_what_it_maps_to_and_adopted_by_another_key() -> None:
    class Renaming(Findable):
        match_on = exact("number")
        adopt_on = (exact("email"),)

        def map(self, record: Record, run: Any) -> Record:
            return {**record, "number": record["Employee"]}

    target = RecordingTarget.holding({**person(7), "number": ""})
    source = {**person(7), "Employee": "7"}
    del source["number"]
    one = Bench(Renaming([source], target, fields=FIELDS), tables={"people": UNBRAKED})
    report, trace = one.engine.run_one("people", "7")
    assert report.exit_code == 0
    assert target.ledger == [("update", "t1", {"number": "7"})]
    assert trace is not None
    assert {step.name: step.said for step in trace.steps}["match"] == (
        "target record t1 by another key, and is adopted; linked, not managed: it is never deactivated"
    )
    assert one.state.managed["people"] == {"t1"}
