"""Dangers of running, of keeping state and of telling, each as a test that bears its number: none may come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.safetyamp_house import JOBS, House, department, vehicle, work
from builders.safetyamp_parts import person
from busway.errors import BuswayError, HeldError, UsageError
from busway.sync.report import Outcome
from busway_safetyamp.sandbox.fault import Fault, FaultKind

RESOURCES = {
    "departments": "site_clusters",
    "titles": "user_titles",
    "jobs": "sites",
    "employees": "users",
    "vehicles": "assets",
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    yield found
    found.close()


@pytest.fixture
def braked(tmp_path: Path) -> Iterator[House]:
    """With the brakes that a deployment has by default."""
    found = House(tmp_path, brakes=True)
    yield found
    found.close()


def enlarge(house: House, number: int = 30) -> None:
    """So much more of everything that every job has ``number`` records to create."""
    house.tables["bPRDP"] += [department(str(500 + at), f"Number {at}") for at in range(number)]
    works = [work(f"{50_000 + at}.") for at in range(number)]
    house.tables["bJCJM"] += [job for job, _ in works]
    house.tables["bJCCM"] += [contract for _, contract in works]
    house.tables["bPREH"] += [
        person(2000 + at, udEmpTitle=f"Title {at}", CellPhone=f"504-556-{2000 + at}") for at in range(number)
    ]
    house.vehicles += [vehicle(100 + at) for at in range(number)]


@pytest.mark.parametrize("job", list(RESOURCES))
def test_d32_every_job_ends_when_one_write_after_the_other_fails(braked: House, job: str) -> None:
    """Thirty records are to be written, and each is refused: the eleventh is not tried any more."""
    enlarge(braked)
    braked.changes = {"confirm_last_page": False, "page_size": 1000}
    parents = [name for name in JOBS[: JOBS.index(job)] if name != "vehicles"]
    if parents:
        braked.run(*parents)
    before = braked.writes
    braked.sandbox.faults.arm(Fault(FaultKind.FAIL, RESOURCES[job], after=1, status=422))
    report = braked.run(job)[job]
    assert (report.outcome, report.counts.created, braked.writes) == (Outcome.ABORTED, 0, before)
    assert report.exit_code != 0
    assert report.counts.failed == 10


@pytest.mark.parametrize("job", JOBS)
def test_d33_too_many_creates_are_held_before_the_first_one(braked: House, job: str) -> None:
    braked.sync[job]["max_creates"] = 0
    for parent in JOBS[: JOBS.index(job)]:
        braked.run(parent)
    before = braked.writes
    report = braked.run(job)[job]
    assert (report.outcome, report.exit_code, braked.writes) == (Outcome.HELD, 7, before)


def test_d33_too_many_who_leave_are_held(braked: House) -> None:
    """The limits count against all of the target, and the account has forty others."""
    enlarge(braked)
    braked.run()
    before = braked.writes
    for row in braked.tables["bPREH"][:4]:
        row["ActiveYN"] = "N"
    del braked.vehicles[:4]
    reports = braked.run("employees")
    assert (reports["employees"].outcome, braked.writes) == (Outcome.HELD, before)
    assert braked.run("vehicles")["vehicles"].outcome is Outcome.HELD
    assert braked.writes == before


def test_d34_a_plan_of_everything_writes_nothing_and_a_run_does_just_that(house: House) -> None:
    plans = house.plans()
    assert house.writes == 0
    reports = house.run()
    assert {name: len(plan.changes) for name, plan in plans.items()} == {
        name: report.counts.created for name, report in reports.items()
    }


def test_d35_two_runs_at_once_are_one(house: House) -> None:
    house.bench.coordinator.taken_by = "somebody else"
    with pytest.raises(HeldError, match="BW7002"):
        house.run()
    assert (house.sandbox.calls, house.writes) == (0, 0)


def test_d36_a_job_that_fails_keeps_only_those_from_running_that_need_it(house: House) -> None:
    house.sandbox.faults.arm(Fault(FaultKind.FAIL, "user_titles", status=500))
    outcomes = {name: report.outcome for name, report in house.run().items()}
    assert outcomes == {
        "departments": Outcome.DONE,
        "titles": Outcome.ABORTED,
        "jobs": Outcome.DONE,
        "employees": Outcome.NOT_RUN,
        "vehicles": Outcome.NOT_RUN,
    }


def test_d36_a_job_may_be_told_to_go_on_with_what_is_there(house: House) -> None:
    """Titles are held; people are created all the same, and get their titles later."""
    house.run("departments", "jobs")
    house.sync["titles"]["max_creates"] = 0
    assert house.run("titles", "employees")["employees"].outcome is Outcome.NOT_RUN
    house.sync["employees"]["continue_with_stale_refs"] = True
    reports = house.run("titles", "employees")
    assert (reports["titles"].outcome, reports["employees"].counts.created) == (Outcome.HELD, 3)
    assert house.user(1001)["current_title"] is None
    del house.sync["titles"]["max_creates"]
    house.run()
    assert house.user(1001)["current_title"]["name"] == "Welder"


def test_d37_a_pause_outlives_a_restart_and_holds_every_job(house: House) -> None:
    house.bench.engine.decisions.pause("", "ann", "audit week")
    house.restart()
    with pytest.raises(HeldError, match="BW7004"):
        house.run()
    assert house.writes == 0


def test_d37_a_pause_that_cannot_be_read_is_not_taken_for_none(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object) -> None:
        raise BuswayError("BW3101", "the state cannot be read")

    monkeypatch.setattr(type(house.bench.state.pauses), "all", unreadable)
    with pytest.raises(BuswayError, match="BW3101"):
        house.run()
    assert house.writes == 0


def test_d38_what_failed_and_what_is_ours_is_known_after_a_restart(house: House) -> None:
    house.person(1002)["Email"] = None
    house.run()
    house.restart()
    report = house.run()["employees"]
    assert (report.counts.quarantined, report.counts.failed, report.counts.unchanged) == (1, 0, 2)
    house.vehicles[0].update(serial="GATE-9999", licensePlate="NEW1", name="Crane")
    house.restart()
    assert house.run()["vehicles"].counts.updated == 1, "which asset is which vehicle is kept, too"


def test_d39_a_wish_to_stop_is_heard_between_two_records(house: House) -> None:
    enlarge(house)

    class AfterThree:
        signal = 15

        def requested(self) -> bool:
            return house.writes >= 3

    house.write_vista()
    report = house.bench.engine.run(["titles", "employees"], stop=AfterThree())
    assert [one.outcome for one in report.jobs] == [Outcome.STOPPED, Outcome.NOT_RUN]
    assert (house.writes, report.stopped_by) == (3, 15)
    assert house.run("titles")["titles"].counts.created == 31 - 3, "the next run does what is left"


def test_records_that_are_written_at_the_same_time_are_each_written_once(house: House) -> None:
    """By as many threads as the jobs declare."""
    enlarge(house, 60)
    for table in house.sync.values():
        del table["concurrency"]
    house.run()
    created = {name: len(house.records(resource)) for name, resource in RESOURCES.items()}
    assert created == {"departments": 63, "titles": 61, "jobs": 63, "employees": 64, "vehicles": 62}
    assert house.writes == sum(created.values()) - 4, "but the root, a region, an office and the owner of the key"
    assert house.is_idle()


@pytest.mark.parametrize("job", JOBS)
def test_d40_every_job_can_be_asked_for_by_name(house: House, job: str) -> None:
    assert [*house.run(job)] == [job]


def test_d40_a_job_that_is_not_there_is_not_said_to_have_been_started(house: House) -> None:
    with pytest.raises(UsageError, match="BW4003"):
        house.run("vehicle")


def test_d42_every_job_of_every_run_has_a_session_of_its_own(house: House) -> None:
    reports = [*house.run().values(), *house.run().values()]
    assert len({report.session_id for report in reports}) == 2 * len(JOBS)
    assert [report.counts.created for report in reports[len(JOBS) :]] == [0] * len(JOBS), "counts begin anew"


PERSONAL = ("Lee", "1980-05-04", "Main", "Baton", "5551001", "555-1001", "@example.test", "70801")


def test_d43_what_is_told_of_changes_holds_no_personal_value(house: House) -> None:
    house.run()
    house.person(1001).update(LastName="Roy", City="Houma", BirthDate="1981-01-01")
    house.person(1002)["ActiveYN"] = "N"
    house.run()
    told = repr(house.bench.events.calls)
    assert "employee" in told
    assert "last_name" in told
    assert not [value for value in (*PERSONAL, "Roy", "Houma", "1981-01-01") if value in told]


def test_d44_what_is_told_of_a_refused_record_holds_none_of_its_values(house: House) -> None:
    house.person(1002)["Email"] = house.person(1001)["Email"]
    house.person(1003)["LastName"] = ""
    report = house.run()["employees"]
    assert report.counts.failed == 2
    told = repr(house.bench.events.calls) + repr(report.failures) + repr(house.bench.state.quarantine.of("employees"))
    assert "email" in told
    assert not [value for value in PERSONAL if value in told]


def test_d48_an_event_that_cannot_be_kept_is_not_passed_over(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise BuswayError("BW3004", "the journal cannot be written")

    monkeypatch.setattr(house.bench.events, "log_creation", full)
    report = house.run("titles")["titles"]
    assert report.outcome is Outcome.ABORTED
    assert report.problem is not None
    assert report.problem.code == "BW3004"


def test_d59_only_proven_writes_are_counted_and_told(house: House) -> None:
    house.changes = {"confirm_last_page": False}
    house.sandbox.faults.arm(Fault(FaultKind.FAIL, "user_titles", after=1, status=500))
    report = house.run("titles")["titles"]
    assert (report.counts.created, report.counts.failed) == (0, 1)
    assert house.bench.events.of("log_creation") == []
    assert len(house.bench.events.of("log_error")) == 1
