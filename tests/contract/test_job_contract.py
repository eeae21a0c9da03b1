"""The conformance suite for jobs catches what it promises to catch.

Every specimen breaks one rule: the check of that rule fails for it, and no other does. A job that keeps all rules
passes all checks, with nothing skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from _pytest.outcomes import Failed

from builders import broken_job_writes, broken_jobs, telling_jobs
from builders.roster_job import PRIVATE, REFUSED, SPECIMENS, TITLES, TOKEN, Roster, RosterJob, Specimen, people
from builders.suites import Lazily, checks_of, failing, run, skipped
from busway.contracts.fields import FieldRule, create_only
from busway.contracts.jobs import Job
from busway.contracts.records import Record, Skip
from busway.contracts.runs import Run
from busway.testing import FakeRun, JobContract
from busway.testing.job_trials import Trial

CHECKS = checks_of(JobContract)
TARGETS = {"titles": TITLES}
OPTIONAL = (
    "build", "changes", "adoptable", "refused", "failing_job", "unreachable_job", "waiting_job", "lost_job",
)  # fmt: skip


def fixtures_for(make: Callable[..., Any], **others: Callable[[], Any]) -> Lazily:
    """What the fixtures of a subclass would give for the jobs that ``make`` builds."""
    roster = Roster()

    def with_roster(**state: Any) -> Any:
        return make(Roster(**state))

    def adoptable(record: Record) -> None:
        roster.add({"active": True, **{name: value for name, value in record.items() if name in ("name", "email")}})

    def filled(**state: Any) -> Any:
        trouble = Roster(records={n: {"id": n, "number": f"7{n}", "active": True} for n in (1, 2, 3)}, **state)
        return make(trouble)

    fixtures: dict[str, Callable[[], Any]] = {
        "trial": lambda: Trial(make(roster), TARGETS),
        "build": lambda: lambda: make(roster),
        "other_targets": lambda: TARGETS,
        "changes": lambda: None,
        "adoptable": lambda: adoptable,
        "broken_sources": lambda: {"it ends early": make(Roster(), [*people()[:2], None])},
        "broken_targets": lambda: {"a page fails": filled(page_fails=True), "a page is short": filled(short=True)},
        "refused": lambda: dict(REFUSED),
        "refused_fields": lambda: ("email",),
        "failing_job": lambda: with_roster(failing=True),
        "unreachable_job": lambda: with_roster(away=True),
        "waiting_job": lambda: with_roster(waiting=True),
        "lost_job": lambda: with_roster(loses_answer=True),
        "secrets": lambda: (TOKEN,),
        "personal": lambda: (PRIVATE,),
    }
    return Lazily({**fixtures, **others})


class TestRosterJob(JobContract):
    """The job the specimens are made from keeps every rule, also as pytest runs them."""

    @pytest.fixture
    def job(self) -> Job:
        return RosterJob(Roster())

    @pytest.fixture
    def other_targets(self) -> dict[str, list[Record]]:
        return TARGETS


@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.job.__name__)
def test_a_specimen_fails_the_check_of_its_rule_and_no_other(specimen: Specimen) -> None:
    assert failing(JobContract, lambda: fixtures_for(specimen.job)) == [specimen.check]


def test_the_job_that_keeps_all_rules_passes_with_nothing_skipped() -> None:
    assert skipped(JobContract, lambda: fixtures_for(RosterJob)) == []


def test_every_check_has_a_specimen() -> None:
    homes = {one.__name__ for one in (broken_jobs, broken_job_writes, telling_jobs)}
    assert {specimen.job.__module__ for specimen in SPECIMENS} == homes
    assert {specimen.check for specimen in SPECIMENS} == set(CHECKS)
    assert len(CHECKS) >= 40


@pytest.mark.parametrize("fields", [{}, {"number": "create_only"}, ["number"]], ids=["none", "a word", "a list"])
def test_fields_without_rules_are_told_by_the_check_of_kinds(fields: Any) -> None:
    """Nothing else of such a job works either, so it is no specimen."""
    made = type("FieldsAreNoRules", (RosterJob,), {"fields": fields})
    with pytest.raises(AssertionError, match=r"fields|rules"):
        run(JobContract(), "test_its_declarations_are_of_the_right_kind", fixtures_for(made))


def test_a_source_with_one_record_is_too_little_to_check_anything() -> None:
    with pytest.raises(Failed, match="gave 1 valid records"):
        run(
            JobContract(),
            "test_the_source_gives_plain_records",
            fixtures_for(lambda roster: RosterJob(roster, people()[:1])),
        )


def test_one_fixture_is_enough_for_most_checks() -> None:
    absent: dict[str, Callable[[], Any]] = {name: lambda: None for name in OPTIONAL}
    nothing = {"broken_sources": dict, "broken_targets": dict, "secrets": tuple, "personal": tuple}
    reasons = skipped(JobContract, lambda: fixtures_for(RosterJob, **absent, **nothing))
    assert len(CHECKS) - len(reasons) >= 25
    assert all("define " in reason and "fixture" in reason for reason in reasons)


def test_a_job_that_only_creates_is_not_asked_for_more() -> None:
    """Titles, cost centres, anything that is made and never touched again."""

    class OnlyCreates(RosterJob):
        fields: ClassVar[Mapping[str, FieldRule]] = {"number": create_only, "town": create_only}
        adopt_on, always_send, active_field, concurrency = (), (), "", 1
        update, find, deactivate, reactivate = Job.update, Job.find, Job.deactivate, Job.reactivate

        def map(self, record: Record, run: Run) -> Record | Skip:
            return {"number": record["No"], "town": record["Town"]}

    assert failing(JobContract, lambda: fixtures_for(OnlyCreates, refused_fields=tuple)) == []
    reasons = " ".join(skipped(JobContract, lambda: fixtures_for(OnlyCreates, refused_fields=tuple)))
    for reason in ("no update()", "no find()", "no active_field", "nothing in always_send", "concurrency is 1"):
        assert reason in reasons


def test_a_fake_run_knows_what_it_is_given_and_loads_once() -> None:
    made = FakeRun(TARGETS, preview=True)
    loads: list[int] = []
    for _ in range(2):
        made.data.get_or_populate("vista.employees", loader=lambda: loads.append(1))
    made.note("titles are matched by name", seen=3)
    assert (made.preview, len(loads), made.notes) == (True, 1, ["titles are matched by name seen=3"])
    assert made.target_of("titles") == TITLES
    assert not made.stop.requested()
    with pytest.raises(LookupError, match="'sites'"):
        made.target_of("sites")
