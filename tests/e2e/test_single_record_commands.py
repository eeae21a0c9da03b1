"""``busway plan|run JOB --only KEY --trace``: one record, and why."""

from __future__ import annotations

import pytest

from builders.people_deployment import PeopleDeployment, person


@pytest.fixture
def failed(people: PeopleDeployment) -> PeopleDeployment:
    """Person 1 is refused for the town, person 4 does not map, 5 is out of scope; 2 is there and 3 is new."""
    people.source(*(person(n) for n in range(1, 6)))
    people.holding(person(2, town="Old"))
    people.faults(refuse={"1": ["town"]}, broken=["4"], skip=["5"])
    return people


def steps(people: PeopleDeployment, command: str, key: str) -> dict[str, str]:
    found = people.json(command, "people", "--only", key, "--trace")[1]["data"]["trace"]["steps"]
    return {step["name"]: step["said"] for step in found}


def test_a_plan_of_one_record_tells_each_step_and_field_and_writes_nothing(failed: PeopleDeployment) -> None:
    code, out, _ = failed.run("plan", "people", "--only", "2", "--trace")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "people   2"
    names = [line.split()[0] for line in lines[1:] if line[2] != " "]
    assert names[:7] == ["connect", "read", "scope", "match", "map", "validate", "act"]
    fields = {line.split()[0]: line.split()[1] for line in lines if line.startswith(" " * 12)}
    assert fields == {"FIELD": "SENT", "number": "no", "name": "no", "email": "no", "town": "yes"}
    assert "target record t1 by its key; linked, not managed" in out
    assert "update person 2" in out
    assert lines[-1] == "nothing was written.  Do it:  busway run people --only 2"
    assert "Canary" not in out, "what a personal field holds is not shown"
    assert failed.run("plan", "people", "--only", "2", "--detailed-exitcode")[0] == 10
    assert failed.target()[0]["town"] == "Old"


def test_a_run_of_one_record_writes_that_one_and_tells_the_outcome(failed: PeopleDeployment) -> None:
    code, out, _ = failed.run("run", "people", "--only", "person 2", "--trace")
    assert code == 0
    assert "  outcome   updated 1\n" in out
    assert [(one["number"], one["town"]) for one in failed.target()] == [("2", "Springfield")]
    assert failed.run("run", "people", "--only", "3")[1].count("created 1") == 1
    assert {one["number"] for one in failed.target()} == {"2", "3"}


def test_the_error_stands_in_its_place(failed: PeopleDeployment) -> None:
    code, out, _ = failed.run("run", "people", "--only", "1", "--trace")
    assert code == 6
    act, outcome, error, where, why, ending = out.splitlines()[-6:]
    assert act == "  act       create person 1"
    assert outcome == "  outcome   failed 1"
    assert error == "            error[BW5003]: the target refused the record"
    assert where.strip() == "where job people, create of person 1"
    assert why.strip() == "why   fields: town"
    assert "exit 6" in ending
    _, envelope = failed.json("run", "people", "--only", "1", "--trace")
    assert (envelope["schema"], envelope["ok"]) == ("busway.run/1", False)
    assert envelope["data"]["jobs"][0]["failures"][0]["code"] == "BW5003"


def test_a_quarantined_record_is_tried_because_somebody_asks(failed: PeopleDeployment) -> None:
    assert failed.run("run", "people", "--only", "1")[0] == 6
    failed.faults()
    assert failed.data("records", "list")["total"] == 1
    assert failed.run("run", "people", "--only", "1")[0] == 0
    assert failed.data("records", "list")["total"] == 0


def test_a_record_that_comes_to_nothing_is_traced_to_where_it_ends(failed: PeopleDeployment) -> None:
    told = steps(failed, "run", "4")
    assert (told["map"], told["act"]) == (
        "mapping raised ValueError (acme-busway-people 1.0)",
        "nothing: its way has ended before",
    )
    assert failed.run("run", "people", "--only", "4", "--trace")[0] == 6
    told = steps(failed, "run", "5")
    assert (told["scope"], told["map"]) == ("source record 5 is out of scope: has no desk", "not mapped")
    assert failed.run("run", "people", "--only", "5", "--trace")[0] == 0


def test_a_record_that_nobody_has_is_told_in_both_commands(failed: PeopleDeployment) -> None:
    code, _, err = failed.run("plan", "people", "--only", "99", "--trace")
    assert (code, "error[BW4018]" in err) == (2, True)
    code, out, _ = failed.run("run", "people", "--only", "99", "--trace")
    assert (code, "error[BW4018]" in out) == (2, True)
    code, envelope = failed.json("run", "people", "--only", "99", "--trace")
    assert (code, envelope["data"]["trace"]) == (2, None)
    assert envelope["data"]["jobs"][0]["problem"]["code"] == "BW4018"


def test_a_job_that_is_paused_runs_no_single_record_either(failed: PeopleDeployment) -> None:
    failed.run("pause", "people", "--reason", "freeze")
    code, out, _ = failed.run("run", "people", "--only", "2", "--trace")
    assert (code, "not run[BW7004]" in out) == (7, True)
    assert failed.target()[0]["town"] == "Old"


def test_one_record_belongs_to_one_job(people: PeopleDeployment) -> None:
    for arguments, why in (
        (("run", "--only", "1"), "no job is named"),
        (("run", "people", "teams", "--only", "1"), "several jobs are named"),
        (("run", "people", "--trace"), "--trace goes with --only"),
        (("plan", "--only", "1"), "no job is named"),
        (("plan", "people", "--trace"), "--trace goes with --only"),
        (("plan", "people", "--only", "1", "-o", "x"), "a saved plan is about whole jobs"),
    ):
        code, envelope = people.json(*arguments)
        assert (code, envelope["error"]["code"], envelope["error"]["why"]) == (2, "BW4019", why)
    assert people.json("run", "peple", "--only", "1")[1]["error"]["code"] == "BW4003"
