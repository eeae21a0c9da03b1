"""``busway plans`` and ``busway show``: what a brake held, and what people make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from builders.people_deployment import PeopleDeployment, person


@pytest.fixture
def held(people: PeopleDeployment) -> PeopleDeployment:
    """Of 20 people 8 have left the source, and the run was held by two brakes."""
    people.source(*(person(n) for n in range(1, 21)))
    assert people.run("run", "people")[0] == 0
    people.source(*(person(n) for n in range(1, 13)))
    assert people.run("run", "people")[0] == 7
    return people


def waiting(people: PeopleDeployment) -> dict[str, Any]:
    (plan,) = people.data("plans", "list")
    found: dict[str, Any] = plan
    return found


def test_a_held_run_says_why_and_what_to_do(held: PeopleDeployment) -> None:
    code, out, _ = held.run("run", "people")
    plan = waiting(held)["id"][:13]
    assert code == 7
    assert "held[BW7001]: people would deactivate 8 of 20 (40 %); the limit is 5 %." in out
    assert "held[BW7001]: the source of people has lost 8 of 20 (40 %); the limit is 20 %." in out
    assert "where job people, brake deactivate_percent (default of max_deactivations_pct)" in out
    assert f"nothing was written. See it:    busway show {plan}" in out
    assert f'Allow it:  busway plans allow {plan} --reason "..."' in out
    assert len([one for one in held.target() if one["active"]]) == 20
    held.write_toml("[sync.people]\nmax_deactivations_pct = 6\n")
    assert "brake deactivate_percent (busway.toml:6)" in held.run("run", "people")[1]


def test_a_plan_says_that_a_run_would_be_held(held: PeopleDeployment) -> None:
    plan = waiting(held)["id"][:13]
    code, out, _ = held.run("plan", "people")
    assert code == 7
    assert f"one of this job waits for a decision. See it:    busway show {plan}" in out
    assert "Do it" not in out
    held.run("plans", "reject", plan, "--reason", "no")
    assert "keep it for somebody to decide" in held.run("plan", "people")[1]


def test_nothing_held_is_nothing_to_list(people: PeopleDeployment) -> None:
    assert people.run("plans", "list") == (0, "No plan was ever held.\n", "")
    assert people.data("plans", "list", "--all") == []


def test_it_is_shown_with_brakes_counts_and_first_changes(held: PeopleDeployment) -> None:
    plan = waiting(held)
    assert [one["brake"] for one in plan["brakes"]] == ["deactivate_percent", "source_drop_percent"]
    code, out, _ = held.run("show", plan["id"][:13])
    assert code == 0
    for part in (
        "held: people would deactivate 8 of 20",
        "default of max_source_drop_pct",
        "the last good run had 20",
        "would  8 deactivate, 12 unchanged",
        "deactivate person 13",
        "nothing was written; it waits for a decision",
        f"busway plans allow {plan['id'][:13]}",
    ):
        assert part in out, part
    assert "Canary" not in out
    assert held.data("show", plan["id"])["id"] == plan["id"]


def test_an_allowed_one_lets_the_next_run_pass_once(held: PeopleDeployment) -> None:
    plan = waiting(held)["id"]
    code, out, _ = held.run("plans", "allow", plan[:13], "--reason", "the office has closed")
    assert code == 0
    assert out.startswith(f"allowed: plan {plan[:13]} of people, by ann\n")
    assert "deactivate_percent up to 8 records" in out
    assert held.run("plans", "list")[1].splitlines() == [
        "No plan waits for a decision.",
        f"{plan[:13]} is allowed and not used yet: busway run people",
    ]
    assert held.data("plans", "list", "--all")[0]["good_until_ns"] > 0
    assert "allowed by ann" in held.run("show", plan[:13])[1]
    code, out, _ = held.run("run", "people")
    assert code == 0
    assert "passed: allowed by ann (the office has closed)" in out
    assert len([one for one in held.target() if one["active"]]) == 12
    assert "a run has passed by it" in held.run("show", plan[:13])[1]
    code, _, err = held.run("plans", "allow", plan[:13], "--reason", "again")
    assert (code, "error[BW7011]" in err) == (2, True)


def test_allowing_it_now_runs_the_job_at_once(held: PeopleDeployment) -> None:
    plan = waiting(held)["id"]
    code, out, _ = held.run("plans", "allow", plan, "--reason", "closed", "--now")
    assert code == 0
    assert "deactivated 8" in out
    assert out.index("allowed: plan") < out.index("deactivated 8")


def test_allowing_it_now_in_json_is_one_object_with_the_run(held: PeopleDeployment) -> None:
    held.faults(refuse={"13": ["x"]})
    code, envelope = held.json("plans", "allow", waiting(held)["id"], "--reason", "closed", "--now")
    assert (code, envelope["schema"], envelope["ok"]) == (0, "busway.held-plan/1", True)
    assert envelope["data"]["state"] == "allowed"
    assert envelope["data"]["run"]["jobs"][0]["counts"]["deactivated"] == 8


def test_a_rejected_one_does_not_pass(held: PeopleDeployment) -> None:
    plan = waiting(held)["id"]
    code, out, _ = held.run("plans", "reject", plan, "--reason", "the source is broken", "--actor", "bob")
    assert code == 0
    assert out.startswith(f"rejected: plan {plan[:13]} of people, by bob\n")
    assert held.data("plans", "list") == []
    assert held.run("run", "people")[0] == 7
    states = [(one["state"], one["actor"]) for one in held.data("plans", "list", "--all")]
    assert states == [("held", ""), ("rejected", "bob")]
    _, out, _ = held.run("plans", "list", "--all", "--job", "people")
    assert "the source is broken" in out
    audits = [one["attributes"] for one in held.data("events", "tail", "--category", "audit")]
    assert [(one["operation"], one["actor"], one["plan"]) for one in audits] == [("plan rejected", "bob", plan)]


WRONG_WORDS = (
    (("plans", "allow", "ffff", "--reason", "x"), "BW7010"),
    (("plans", "allow", "{id}"), "BW7012"),
    (("plans", "reject", "{id}", "--reason", " "), "BW7012"),
    (("plans", "allow"), "BW1001"),
    (("show", "ffff"), "BW7010"),
    (("show", "no.plan"), "BW4020"),
    (("show", "people"), "BW4020"),
)


def test_wrong_words_are_usage_errors(held: PeopleDeployment) -> None:
    plan = waiting(held)["id"]
    for arguments, code in WRONG_WORDS:
        exit_code, envelope = held.json(*(word.replace("{id}", plan) for word in arguments))
        assert (exit_code, envelope["error"]["code"]) == (2, code), arguments
    assert waiting(held)["id"] == plan


def test_a_plan_file_is_shown_by_its_path_whatever_it_is_called(
    held: PeopleDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert held.run("plan", "people", "-o", "abcd")[0] == 7
    code, out, _ = held.run("show", "abcd")
    assert code == 0
    assert "people would be held: deactivate_percent, source_drop_percent" in out
