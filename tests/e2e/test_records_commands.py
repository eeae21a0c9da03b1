"""``busway records``, as an operator uses it."""

from __future__ import annotations

import json

import pytest

from builders.people_deployment import PeopleDeployment, person


@pytest.fixture
def failed(people: PeopleDeployment) -> PeopleDeployment:
    """A run in which one record of each kind failed: 1 rejected, 2 partial, 3 transient, 4 broken."""
    people.source(*(person(n) for n in range(1, 7)))
    people.faults(refuse={"1": ["town"], "2": ["email"]}, away=["3"], broken=["4"])
    people.write_toml("[sync.people]\nmax_error_pct = 100\n")
    assert people.run("run", "people")[0] == 6
    return people


def ids(people: PeopleDeployment, *arguments: str) -> dict[str, str]:
    """Label to id of what ``records list`` has."""
    return {one["label"]: one["id"] for one in people.data("records", "list", *arguments)["records"]}


def test_without_a_failure_there_is_nothing_to_list(people: PeopleDeployment) -> None:
    assert people.run("records", "list") == (0, "Nothing is in quarantine.\n", "")
    assert people.data("records", "list") == {"total": 0, "dismissed": 0, "records": []}
    assert people.run("records", "retry", "--all", "--reason", "try")[1] == "No record in quarantine fits.\n"


def test_what_failed_is_listed_and_filtered(failed: PeopleDeployment) -> None:
    code, out, _ = failed.run("records", "list")
    assert code == 0
    assert "4 records: 1 rejected, 1 broken, 1 partial, 1 transient" in out
    assert "the target refused the record (fields: town)" in out
    assert "Canary" not in out + str(failed.data("records", "list")), "no values"
    assert {*ids(failed, "--class", "rejected", "--class", "partial")} == {"person 1", "person 2"}
    assert [*ids(failed, "--field", "email")] == ["person 2"]
    assert [*ids(failed, "--code", "BW5001")] == ["person 3"]
    assert ids(failed, "--older-than", "1d") == {}
    assert len(ids(failed, "--hours", "1", "--job", "people")) == 4
    _, out, _ = failed.run("records", "list", "--job", "peple")
    assert out == "No record of peple is in quarantine; there are some of people.\n"
    _, out, _ = failed.run("records", "list", "--limit", "1")
    assert "and 3 more: --limit 4" in out


def test_one_is_shown_with_what_it_waits_for(failed: PeopleDeployment) -> None:
    one = failed.data("records", "show", "person 1")
    assert (one["class"], one["code"], one["fields"], one["attempts"]) == ("rejected", "BW5003", ["town"], 1)
    code, out, _ = failed.run("records", "show", one["id"][:6])
    assert code == 0
    for part in ("rejected [BW5003]", "until one of these fields", "busway explain BW5003", f"retry {one['id']}"):
        assert part in out


def test_a_released_record_is_tried_by_the_next_run_and_a_written_one_leaves(failed: PeopleDeployment) -> None:
    failed.faults()
    code, out, _ = failed.run("run", "people")
    assert code == 0
    assert "in quarantine 1" in out, "the record that did not map; what was not served is tried, what is mended too"
    assert "1 record waits for a reason to be tried again: busway records list --job people" in out
    code, out, _ = failed.run("records", "retry", "person 1", "--reason", "the target was wrong")
    assert (code, out) == (0, "released: person 1\nthe next run tries it: busway run people\n")
    shown = failed.data("records", "show", "person 1")
    assert (shown["state"], shown["actor"], shown["note"]) == ("released", "ann", "the target was wrong")
    assert failed.run("run", "people")[0] == 0
    assert "1" in {one["number"] for one in failed.target()}
    assert [*ids(failed)] == ["person 2"]


def test_a_dismissed_record_is_heard_of_no_more(failed: PeopleDeployment) -> None:
    code, out, _ = failed.run("records", "dismiss", "person 4", "--reason", "known", "--actor", "bob")
    assert (code, out) == (0, "dismissed: person 4\nnobody is told of it until something changes\n")
    _, out, _ = failed.run("records", "list")
    assert "person 4" not in out
    assert "1 dismissed: busway records list --state dismissed" in out
    assert [*ids(failed, "--state", "dismissed")] == ["person 4"]
    assert "nobody is told of it" in failed.run("records", "show", "person 4")[1]
    (report,) = failed.json("run", "people")[1]["data"]["jobs"]
    assert (report["counts"]["quarantined"], report["counts"]["skipped"]) == (1, 1)
    assert failed.data("records", "retry", "person 4", "--reason", "try after all")["count"] == 1


def test_many_are_decided_at_once_only_when_that_is_meant(failed: PeopleDeployment) -> None:
    command = ("records", "retry", "--all", "--class", "partial", "--class", "rejected", "--reason", "mended")
    code, _, err = failed.run(*command)
    assert (code, "error[BW1016]" in err, "--yes" in err) == (2, True, True)
    assert {one["state"] for one in failed.data("records", "list")["records"]} == {"waiting"}
    decided = failed.data(*command, "--yes")
    assert (decided["state"], decided["count"]) == ("released", 2)
    assert {one["label"] for one in decided["records"]} == {"person 1", "person 2"}
    assert failed.run(*command, "--yes")[1] == "No record in quarantine fits.\n", "they wait no more"
    _, out, _ = failed.run("records", "dismiss", "--all", "--reason", "spring cleaning", "--yes")
    assert out == "dismissed: 4 records\nnobody is told of them until something changes\n"


WRONG_WORDS = (
    (("retry", "--reason", "x"), "BW7015"),
    (("retry", "person 1", "--all", "--reason", "x"), "BW7015"),
    (("dismiss", "person 1", "--class", "rejected", "--reason", "x"), "BW7015"),
    (("retry", "person 1"), "BW7012"),
    (("dismiss", "--all", "--yes"), "BW7012"),
    (("retry", "nobody", "--reason", "x"), "BW7013"),
    (("show", "nobody"), "BW7013"),
    (("list", "--class", "bad"), "BW1001"),
    (("list", "--older-than", "7"), "BW1001"),
    (("adopt", "peple"), "BW4003"),
    (("adopt", "people", "--only", "6", "--all", "--reason", "x"), "BW7015"),
    (("adopt", "people", "--all"), "BW7012"),
    (("adopt", "people", "--only", "99", "--reason", "x"), "BW7016"),
)


def test_wrong_words_are_usage_errors_and_change_nothing(failed: PeopleDeployment) -> None:
    before = failed.data("records", "list")
    for arguments, code in WRONG_WORDS:
        exit_code, out, err = failed.run("records", *arguments)
        assert (exit_code, out) == (2, ""), arguments
        assert f"error[{code}]" in err
        assert "fix" in err
        assert failed.json("records", *arguments)[1]["error"]["code"] == code
    assert failed.data("records", "list") == before


def test_a_job_that_deactivates_nothing_does_not_ask_for_adoption(people: PeopleDeployment) -> None:
    for name in ("people", "teams"):
        (people.folder / f"{name}.json").write_text(json.dumps([person(2)]), "utf-8")
        (people.folder / f"{name}-target.json").write_text(
            json.dumps([{"id": "t1", "active": 1, **person(2)}]), "utf-8"
        )
    assert "busway records adopt people" in people.run("plan", "people")[1]
    assert "records adopt" not in people.run("plan", "teams")[1]
    assert "deactivates nothing" not in people.run("records", "adopt", "people")[1]
    assert "teams deactivates nothing" in people.run("records", "adopt", "teams")[1]


def test_decisions_are_audited_with_name_and_reason(failed: PeopleDeployment) -> None:
    failed.run("records", "retry", "person 1", "--reason", "mended")
    (audit,) = failed.data("events", "tail", "--category", "audit")
    facts = audit["attributes"]
    assert (facts["operation"], facts["actor"], facts["reason"]) == ("records released", "ann", "mended")
    assert (facts["job"], facts["records"]) == ("people", ["person 1"])


def test_linked_records_are_listed_and_adopted_by_name_or_all(people: PeopleDeployment) -> None:
    people.source(*(person(n) for n in range(1, 5)))
    people.holding(*(person(n) for n in (2, 3, 4, 9)))
    assert "3 records linked and not managed" in people.run("plan", "people")[1]
    code, out, _ = people.run("records", "adopt", "people", "--limit", "2")
    assert code == 0
    assert out.startswith("3 records of people linked and not managed")
    assert "and 1 more: --limit 3" in out
    assert people.data("jobs")[0]["managed"] == 0, "looking changes nothing"

    one = ("records", "adopt", "people", "--only", "person 3", "--only", "3", "--reason", "ours")
    assert people.run(*one)[0] == 2, "nobody to ask"
    found = people.data(*one, "--yes")
    assert (found["linked"], found["adopted"], found["records"]) == (3, 1, [{"label": "person 3", "target_id": "t2"}])
    code, out, _ = people.run("records", "adopt", "people", "--all", "--reason", "ours", "--yes")
    assert (code, out) == (0, "adopted: 2 records of people; 0 still linked only\n")
    assert people.data("jobs")[0]["managed"] == 3
    assert people.run("records", "adopt", "people")[1] == "Every record that people matches is managed.\n"
    audits = people.data("events", "tail", "--category", "audit")
    assert [one["attributes"]["operation"] for one in audits] == ["records adopted"] * 2
    assert people.run("plan", "people")[1].count("linked") == 0


def test_a_person_is_asked_and_may_say_no(failed: PeopleDeployment) -> None:
    command = ("records", "retry", "--all", "--reason", "mended")
    code, shown = failed.on_a_terminal(*command, typed="n\n")
    assert (code, "try 4 records of people again? [y/N]" in shown) == (130, True)
    assert {one["state"] for one in failed.data("records", "list")["records"]} == {"waiting"}
    code, shown = failed.on_a_terminal(*command, typed="y\n")
    assert (code, "released: 4 records" in shown) == (0, True)
