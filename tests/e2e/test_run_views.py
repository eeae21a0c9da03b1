"""What ``plan``, ``run``, ``jobs`` and ``doctor`` say of quarantine, holds and personal data; progress; stopping."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from builders.people_deployment import PeopleDeployment, person

BUSY = 0.01


def until(path: Path, process: subprocess.Popen[str]) -> None:
    """Waits for a file that another process makes."""
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{path.name}: it never happened"
        time.sleep(BUSY)


def quarantined(people: PeopleDeployment) -> None:
    people.source(*(person(n) for n in range(1, 7)))
    people.source(person(1), job="teams")
    people.faults(refuse={"1": ["town"], "2": ["email"], "3": ["name"]})
    people.write_toml("[sync.people]\nmax_error_pct = 100\n")
    assert people.run("run")[0] == 6


def test_a_run_says_what_is_in_quarantine_and_in_part_and_sums_up_several_jobs(people: PeopleDeployment) -> None:
    quarantined(people)
    code, out, _ = people.run("run")
    assert code == 0, "what waits is no failure of this run"
    assert "unchanged 4   in quarantine 2   failed 0" in out
    assert "  2 records wait for a reason to be tried again: busway records list --job people\n" in out
    assert "  1 record is in the target without a field it does not take: busway records list --job people\n" in out
    head, first, second = out.split("\n\n")[1].splitlines()[:3]
    assert head.split() == ["JOB", "ENDED", "CREATED", "UPDATED", "UNCHANGED", "IN", "QUARANTINE", "FAILED", "TOOK"]
    assert first.split()[:7] == ["people", "done", "0", "0", "4", "2", "0"]
    assert second.split()[:7] == ["teams", "done", "0", "0", "0", "1", "0"]
    assert "\n\n" not in people.run("run", "people")[1], "one job needs no table"


def test_a_plan_says_the_same(people: PeopleDeployment) -> None:
    quarantined(people)
    code, out, _ = people.run("plan", "people")
    assert code == 0
    assert out.startswith("people      4 unchanged, 2 in quarantine\n")
    assert "2 records wait for a reason to be tried again: busway records list --job people" in out
    (plan,) = people.data("plan", "people")["plans"]
    assert (plan["counts"]["quarantined"], plan["partial"]) == (2, 1)
    assert {one["label"] for one in plan["quarantined"]} == {"person 1", "person 3"}


def test_jobs_and_doctor_say_what_is_held_and_in_quarantine(people: PeopleDeployment) -> None:
    doctor = {one["check"]: one for one in people.json("doctor")[1]["data"]}
    assert "quarantine" not in doctor, "before the first run there is nothing to look at"
    quarantined(people)
    people.source()
    assert people.run("run", "people")[0] == 7
    rows = {row["name"]: row for row in people.data("jobs")}
    assert (rows["people"]["quarantined"], rows["teams"]["quarantined"]) == (2 + 1, 1), "the one in part, too"
    assert (bool(rows["people"]["held"]), rows["teams"]["held"]) == (True, "")
    _, out, _ = people.run("jobs")
    assert f"held:   people, waits for a decision   (busway show {rows['people']['held'][:13]})" in out
    assert "in quarantine:  busway records list" in out
    doctor = {one["check"]: one for one in people.json("doctor")[1]["data"]}
    assert (doctor["pauses"]["status"], doctor["held plans"]["status"], doctor["quarantine"]["status"]) == (
        "ok", "warning", "warning",
    )  # fmt: skip
    assert doctor["quarantine"]["detail"] == "4 records of people, teams"
    assert people.run("records", "dismiss", "person 1", "--job", "teams", "--reason", "known")[0] == 0
    told = {one["check"]: one["detail"] for one in people.json("doctor")[1]["data"]}
    assert told["quarantine"] == "3 records of people", "nobody wants to hear of the other"
    assert doctor["held plans"]["fix"] == f"busway show {rows['people']['held'][:13]}"


def test_doctor_fails_on_a_state_that_cannot_be_read(people: PeopleDeployment) -> None:
    quarantined(people)
    (people.folder / ".busway" / "state.db").write_bytes(b"no database" * 999)
    code, envelope = people.json("doctor")
    finding = next(one for one in envelope["data"] if one["check"] == "jobs")
    assert (code, finding["status"]) == (3, "failed")
    assert finding["fix"]


def test_personal_values_are_shown_to_a_person_where_the_deployment_says_so(people: PeopleDeployment) -> None:
    people.source(person(1, name="Canary after", town="New"))
    people.holding(person(1, name="Canary before"))
    command = ("plan", "people", "--only", "1")
    people.write_toml('[sync]\npersonal_fields = "shown"\n')
    code, shown = people.on_a_terminal(*command)
    assert code == 0
    assert "name: Canary before → Canary after" in shown
    assert "Canary" not in people.run(*command)[1], "no terminal: it may be a log"
    assert "Canary" not in people.run("plan", "people")[1]
    assert "Canary" not in people.on_a_terminal(*command, "--json")[1]
    assert "town: Springfield → New" in people.run(*command)[1]


def test_on_a_terminal_there_is_one_block_with_a_line_for_each_job(people: PeopleDeployment) -> None:
    people.source(*(person(n) for n in range(1, 4)))
    people.source(*(person(n) for n in range(1, 3)), job="teams")
    gates = [people.gate("write"), people.gate("write", "teams")]

    def both_are_at_work(shown: str) -> bool:
        done = "people" in shown and "0/3" in shown and "0/2" in shown
        for gate in gates if done else ():
            gate.unlink(missing_ok=True)
        return done

    code, shown = people.on_a_terminal("run", watch=both_are_at_work)
    assert code == 0
    assert "people      ░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 0/3" in shown
    assert "teams       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 0/2" in shown
    assert "exit 0" in shown.splitlines()[-1]
    assert "\x1b[?25h" in shown, "the cursor is shown again"


def test_ctrl_c_finishes_the_record_in_hand_and_the_next_run_does_the_rest(people: PeopleDeployment) -> None:
    people.source(*(person(n) for n in range(1, 6)))
    gate = people.gate("write")
    process = people.start("run", "people", "--json")
    until(gate.with_suffix(".reached"), process)
    process.send_signal(signal.SIGINT)
    gate.unlink()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopping after the record in hand" in err
    assert "Traceback" not in err
    (report,) = json.loads(out)["data"]["jobs"]
    assert (report["outcome"], report["counts"]["created"]) == ("stopped", 1)
    assert len(people.target()) == 1
    assert people.data("sessions", "list")[0]["state"] == "ended"
    code, envelope = people.json("run", "people")
    assert code == 0
    assert envelope["data"]["jobs"][0]["counts"]["created"] == 4
    assert len({one["number"] for one in people.target()}) == len(people.target()) == 5


def test_a_second_run_is_told_who_runs(people: PeopleDeployment) -> None:
    people.source(person(1))
    gate = people.gate("write")
    process = people.start("run", "people")
    until(gate.with_suffix(".reached"), process)
    code, _, err = people.run("records", "adopt", "people", "--all", "--reason", "x", "--yes")
    assert code == 0, "nothing is linked, so nothing has to wait"
    code, _, err = people.run("run", "people")
    assert (code, "error[BW7002]" in err, f"process {process.pid} on" in err) == (7, True, True)
    assert people.run("pause", "people", "--reason", "stop it")[0] == 0, "a decision needs no turn"
    gate.unlink()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert len(people.target()) == 1


@pytest.mark.parametrize("command", ["plan", "records adopt"])
def test_ctrl_c_while_both_sides_are_read_leaves_nothing(people: PeopleDeployment, command: str) -> None:
    people.source(person(1))
    gate = people.gate("source")
    process = people.start(*command.split(), "people")
    until(gate.with_suffix(".reached"), process)
    process.send_signal(signal.SIGINT)
    gate.unlink()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert people.target() == []
