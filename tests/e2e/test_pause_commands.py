"""``busway pause`` and ``busway resume``, and where a pause shows."""

from __future__ import annotations

from builders.people_deployment import PeopleDeployment, person


def test_a_paused_job_does_not_run_and_the_others_do(people: PeopleDeployment) -> None:
    people.source(person(1))
    people.source(person(2), job="teams")
    code, out, _ = people.run("pause", "people", "--reason", "audit week", "--until", "2h")
    assert code == 0
    assert out.startswith("people is paused until 20")
    assert "(local time), by ann: audit week\n" in out
    assert "go on:  busway resume people\n" in out
    code, out, _ = people.run("run")
    assert code == 7
    assert "not run[BW7004]: job people is paused" in out
    assert (people.target(), len(people.target("teams"))) == ([], 1)
    assert people.run("plan", "people")[0] == 0, "looking is never paused"


def test_a_pause_of_all_refuses_a_run_before_it_begins(people: PeopleDeployment) -> None:
    people.source(person(1))
    assert people.run("pause", "--reason", "disaster drill", "--actor", "bob")[1].startswith(
        "all jobs are paused until somebody resumes, by bob: disaster drill\n"
    )
    code, _, err = people.run("run", "people")
    assert code == 7
    for part in ("error[BW7004]: all jobs are paused", "by bob since", "disaster drill", "fix   busway resume"):
        assert part in err
    assert people.target() == []
    assert people.data("sessions", "list") == []


def test_it_is_shown_by_list_jobs_and_doctor(people: PeopleDeployment) -> None:
    assert people.run("pause", "--list") == (0, "Nothing is paused.\n", "")
    assert people.run("pause", "teams", "--reason", "moving")[0] == 0
    _, out, _ = people.run("pause", "--list")
    assert out.splitlines()[1].split()[:1] == ["teams"]
    assert "resumed" in out
    (pause,) = people.data("pause", "--list")
    assert (pause["job"], pause["actor"], pause["reason"], pause["until_ns"]) == ("teams", "ann", "moving", 0)
    assert people.data("pause", "--list", "people") == []
    rows = {row["name"]: row for row in people.data("jobs")}
    assert (rows["people"]["paused"], rows["teams"]["paused"]["reason"]) == (None, "moving")
    assert "paused: teams, until somebody resumes, by ann: moving   (busway resume teams)" in people.run("jobs")[1]
    finding = next(one for one in people.json("doctor")[1]["data"] if one["check"] == "pauses")
    assert (finding["status"], finding["detail"], finding["fix"]) == (
        "warning", "teams by ann: moving", "busway resume teams",
    )  # fmt: skip


def test_resuming_ends_one_pause_and_names_those_that_are_left(people: PeopleDeployment) -> None:
    people.run("pause", "people", "--reason", "one")
    people.run("pause", "--reason", "all")
    code, out, _ = people.run("resume", "people")
    assert (code, out) == (
        0,
        "the pause of people has ended\nstill paused: all jobs, until somebody resumes: busway resume\n",
    )
    found = people.data("resume", "--reason", "drill is over")
    assert (found["resumed"], found["left"]) == (["all"], [])
    assert people.run("resume", "people")[1] == "there was no pause of people\n"
    audits = [one["attributes"] for one in people.data("events", "tail", "--category", "audit")]
    assert [(one["operation"], one["job"], one["reason"]) for one in audits] == [
        ("paused", "people", "one"),
        ("paused", "all", "all"),
        ("resumed", "people", "resumed"),
        ("resumed", "all", "drill is over"),
    ]


def test_a_later_pause_replaces_an_earlier_one(people: PeopleDeployment) -> None:
    people.run("pause", "people", "--reason", "short", "--until", "1h")
    people.run("pause", "people", "teams", "--reason", "long")
    assert [(one["job"], one["reason"]) for one in people.data("pause", "--list")] == [
        ("people", "long"),
        ("teams", "long"),
    ]


def test_a_job_that_is_gone_can_still_be_resumed(people: PeopleDeployment) -> None:
    people.run("pause", "teams", "--reason", "moving")
    people.write_toml()
    toml = people.folder / "busway.toml"
    toml.write_text(toml.read_text("utf-8").replace('jobs = ["people"]', "jobs = []"), "utf-8")
    assert people.run("resume", "teams")[1] == "the pause of teams has ended\n"


def test_all_jobs_can_be_paused_while_their_plugin_is_broken(people: PeopleDeployment) -> None:
    toml = people.folder / "busway.toml"
    toml.write_text(toml.read_text("utf-8").replace('jobs = ["people"]', 'jobs = ["nobody"]'), "utf-8")
    assert people.run("pause", "--reason", "what is going on")[0] == 0
    code, _, err = people.run("pause", "people", "--reason", "x")
    assert (code, "error[BW1301]" in err) == (3, True), "what is wrong is the plugin, not the name"


WRONG_WORDS = (
    (("pause", "peple", "--reason", "x"), "BW4003"),
    (("pause", "people"), "BW7012"),
    (("pause", "people", "--reason", "x", "--until", "2020-01-01"), "BW7014"),
    (("pause", "people", "--reason", "x", "--until", "soon"), "BW7014"),
    (("resume", "peple"), "BW4003"),
    (("resume", "people", "--reason", ""), "BW7012"),
)


def test_wrong_words_are_usage_errors_and_pause_nothing(people: PeopleDeployment) -> None:
    for arguments, code in WRONG_WORDS:
        exit_code, out, err = people.run(*arguments)
        assert (exit_code, out, f"error[{code}]" in err) == (2, "", True), arguments
    assert people.data("pause", "--list") == []
