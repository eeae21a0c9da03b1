"""Brakes hold plans with a text a person can act on."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from builders.recording_target import PeopleJob
from builders.sync_engine import NOON
from busway.errors import ConfigurationError
from busway.sync.brakes import ErrorBrake, check, held_error
from busway.sync.plan import Action, Change, Hold, Plan
from busway.sync.tuning import Limits, tune

DAY = 24 * 3600 * 1_000_000_000


def plan(source: int, target: int, **actions: int) -> Plan:
    changes = [Change(Action[name.upper()], str(n), str(n), {}) for name, many in actions.items() for n in range(many)]
    counts: dict[str, Any] = {"source_count": source, "target_count": target, "created_at_ns": NOON}
    return Plan("employees", "employee", changes, **counts)


def where(job: str, key: str) -> str:
    return "busway.toml:31"


def good(source_count: int) -> dict[str, Any]:
    return {"source_count": source_count, "session_id": "0199f0aa-11d2-7000", "at_ns": NOON - DAY - 6 * 3600 * 10**9}


def holds(one: Plan, last: dict[str, Any] | None = None, **limits: Any) -> list[Hold]:
    return check(one, Limits(**limits), last, where, zone=UTC)


def brakes(one: Plan, last: dict[str, Any] | None = None, **limits: Any) -> list[str]:
    return [hold.brake for hold in holds(one, last, **limits)]


def test_the_text_an_operator_reads() -> None:
    hold = holds(plan(1464, 1877, deactivate=412), good(1876))[0]
    assert hold.what == "employees would deactivate 412 of 1,877 (22 %); the limit is 5 %."
    assert hold.where == "job employees, brake deactivate_percent (busway.toml:31)"
    assert hold.why == (
        "the source returned 1,464 records; the last good run had 1,876 (session 0199f0aa-11, yesterday 06:00)"
    )


def test_a_limit_that_is_not_configured_is_called_a_default() -> None:
    (hold,) = check(plan(0, 5), Limits(), None, lambda job, key: "")
    assert hold.where == "job employees, brake empty_source (default of allow_empty_source)"
    assert hold.why == "the source returned 0 records; there was no good run before"


def test_an_empty_source_holds_unless_it_is_allowed() -> None:
    assert brakes(plan(0, 0)) == ["empty_source"]
    assert brakes(plan(0, 0), good(10), allow_empty_source=True) == []


def test_a_shrunken_source_holds() -> None:
    assert brakes(plan(79, 0), good(100)) == ["source_drop_percent"]
    assert brakes(plan(80, 0), good(100)) == []
    assert brakes(plan(1, 0), None) == []
    assert brakes(plan(200, 0), good(100)) == []


def test_deactivations_by_percent_and_count() -> None:
    assert brakes(plan(100, 100, deactivate=5)) == []
    assert brakes(plan(100, 100, deactivate=6)) == ["deactivate_percent"]
    assert brakes(plan(100, 100, deactivate=5), max_deactivations=4) == ["deactivate_count"]


def test_creates_and_updates() -> None:
    assert brakes(plan(100, 10, create=90)) == []
    assert brakes(plan(100, 10, create=90), max_creates=89) == ["create_count"]
    assert brakes(plan(100, 100, update=40, reactivate=11), max_updates_pct=50) == ["update_percent"]


def test_a_percentage_just_over_its_limit_reads_as_more() -> None:
    (hold,) = holds(plan(1000, 1000, deactivate=52))
    assert "(5.2 %); the limit is 5 %" in hold.what


def test_every_hold_becomes_a_problem() -> None:
    held = plan(0, 100, deactivate=100)
    held.holds = holds(held)
    error = held_error(held)
    assert (error.exit_code, error.code) == (7, "BW7001")
    assert len(error.problems) == 2


def test_errors_in_a_row_stop_a_job() -> None:
    brake = ErrorBrake("employees", Limits(max_consecutive_errors=3, max_error_pct=None), where)
    assert [bool(brake.tried(failed=bad)) for bad in (True, True, False, True, True, True)] == [False] * 5 + [True]


def test_a_share_of_errors_stops_a_job_from_twenty_on() -> None:
    brake = ErrorBrake("employees", Limits(max_consecutive_errors=None), where)
    tripped = [bool(brake.tried(failed=n % 3 == 0)) for n in range(30)]
    assert tripped.index(True) == 21
    brake = ErrorBrake("employees", Limits(max_consecutive_errors=None), where)
    assert not any(brake.tried(failed=n % 25 == 0) for n in range(200))


def test_an_unknown_key_gets_the_nearest_name() -> None:
    with pytest.raises(ConfigurationError) as caught:
        tune(PeopleJob(), {"max_deactivation_pct": 5}, where)
    assert caught.value.code == "BW4010"
    assert caught.value.problem.fix == "did you mean max_deactivations_pct?"
    assert caught.value.problem.where == "busway.toml:31"


@pytest.mark.parametrize(
    "table",
    [
        {"max_creates": -1},
        {"max_creates": True},
        {"max_creates": 1.5},
        {"max_deactivations_pct": 101},
        {"max_deactivations_pct": "5"},
        {"allow_empty_source": 1},
        {"continue_with_stale_refs": "yes"},
        {"fields": 3},
        {"clear_when_empty": "town"},
        {"clear_when_empty": ["number"]},
        {"fields": {"town": "sometimes"}},
    ],
)
def test_wrong_values_are_refused(table: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        tune(PeopleJob(), table, where)
    assert caught.value.code == "BW4011"


def test_fields_that_an_empty_source_clears_are_listed_by_configuration() -> None:
    rules = tune(PeopleJob(), {"clear_when_empty": ["town"]}, where).rules
    assert [name for name, rule in rules.items() if rule.clear_when_empty] == ["town"]
    with pytest.raises(ConfigurationError) as caught:
        tune(PeopleJob(), {"clear_when_empty": ["twon"]}, where)
    assert (caught.value.code, caught.value.problem.fix) == ("BW4010", "did you mean town?")


def test_field_policies_are_changed_by_configuration() -> None:
    job = PeopleJob()
    rules = tune(job, {"fields": {"town": "never"}, "max_creates": 5}, where).rules
    assert (rules["town"].policy, job.fields["town"].policy) == ("never", "always")
    assert rules["name"].is_personal
    with pytest.raises(ConfigurationError) as caught:
        tune(job, {"fields": {"twon": "never"}}, where)
    assert caught.value.problem.fix == "did you mean town?"
