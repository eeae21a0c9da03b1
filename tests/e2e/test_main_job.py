"""The main job from end to end: the command line, the real clients, a real database, a real server."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import sqlalchemy as sa

from builders.deployment import SandboxDeployment
from busway_safetyamp.sandbox.vista import EMPLOYEES


def test_a_run_creates_everybody_and_the_next_changes_nothing(deployment: SandboxDeployment) -> None:
    code, first = deployment.json("run")
    assert code in (0, 6)
    employees = next(job for job in first["data"]["jobs"] if job["job"] == "employees")
    assert employees["counts"]["created"] > 20
    users = {user["emp_id"] for user in deployment.sandbox.world.records("users")}
    reachable = {str(row["Employee"]) for row in deployment.company.active if row["Email"]}
    failed = {failure["label"].split()[-1] for failure in employees["failures"]}
    assert reachable - users <= failed

    before = deployment.writes
    _, second = deployment.json("plan")
    assert second["data"]["changes"] <= len(failed), "only what failed is planned again"
    assert deployment.writes == before


def test_people_that_busway_did_not_create_are_never_touched(deployment: SandboxDeployment) -> None:
    others = {
        u["id"]: dict(u) for u in deployment.sandbox.world.records("users") if not str(u["emp_id"] or "").isdigit()
    }
    assert others
    deployment.run("run")
    now = {user["id"]: dict(user) for user in deployment.sandbox.world.records("users")}
    assert {identifier: now[identifier] for identifier in others} == others


def test_who_leaves_loses_access_and_gets_it_again_on_return(deployment: SandboxDeployment) -> None:
    deployment.run("run")
    managed = {str(user["emp_id"]): user["id"] for user in deployment.sandbox.world.records("users")}
    leaver = next(row["Employee"] for row in reversed(deployment.company.active) if str(row["Employee"]) in managed)
    deployment.add_toml("[sync.employees]\nmax_deactivations_pct = 50\n")

    set_active(deployment, leaver, "N")
    _, report = deployment.json("run")
    assert counts(report)["deactivated"] == 1
    assert not user_of(deployment, leaver)["system_access"]

    set_active(deployment, leaver, "Y")
    _, report = deployment.json("run")
    assert counts(report)["reactivated"] == 1
    assert user_of(deployment, leaver)["system_access"]


def test_a_plan_that_would_deactivate_too_many_is_held_and_nothing_is_written(deployment: SandboxDeployment) -> None:
    deployment.run("run")
    for row in deployment.company.active[:12]:
        set_active(deployment, row["Employee"], "N")
    before = deployment.writes
    code, out, _ = deployment.run("run", "employees")
    assert code == 7
    assert deployment.writes == before
    assert "employees would deactivate" in out
    assert "the limit is 5 %" in out
    code, envelope = deployment.json("plan", "employees")
    assert code == 7
    assert envelope["data"]["plans"][0]["held"]


def test_an_empty_source_deactivates_nobody(deployment: SandboxDeployment) -> None:
    deployment.run("run")
    with engine(deployment).begin() as connection:
        connection.execute(sa.delete(EMPLOYEES))
    before = deployment.writes
    code, _, _ = deployment.run("run")
    assert code == 7
    assert deployment.writes == before


def test_a_saved_plan_is_applied_once_and_only_while_nothing_moved(
    deployment: SandboxDeployment, tmp_path: Path
) -> None:
    file = str(tmp_path / "titles.plan")
    assert deployment.run("plan", "titles", "-o", file)[0] == 0
    assert deployment.run("show", file)[0] == 0
    names = [row["udEmpTitle"].strip() for row in deployment.company.active if row["udEmpTitle"]]
    assert not any(name in Path(file).read_text("utf-8") for name in names), "a saved plan holds digests"

    deployment.sandbox.world.add("user_titles", {"name": names[-1] + " moved"})
    with engine(deployment).begin() as connection:
        connection.execute(sa.update(EMPLOYEES).values(udEmpTitle="A title nobody planned"))
    before = deployment.writes
    code, _, err = deployment.run("apply", file)
    assert code == 2
    assert "BW4023" in err
    assert deployment.writes == before

    assert deployment.run("plan", "titles", "-o", file)[0] == 0
    assert deployment.run("apply", file)[0] == 0
    assert deployment.writes > before
    code, _, err = deployment.run("apply", file)
    assert code == 2
    assert "BW4022" in err


def test_plan_says_with_its_exit_code_that_there_is_something_to_do(deployment: SandboxDeployment) -> None:
    assert deployment.run("plan", "titles")[0] == 0
    assert deployment.run("plan", "titles", "--detailed-exitcode")[0] == 10
    deployment.run("run", "titles")
    assert deployment.run("plan", "titles", "--detailed-exitcode")[0] == 0


def test_what_happened_is_told_afterwards(deployment: SandboxDeployment) -> None:
    _, report = deployment.json("run")
    _, sessions = deployment.json("sessions", "list")
    assert sorted(row["name"] for row in sessions["data"]) == ["departments", "employees", "jobs", "titles", "vehicles"]
    assert all(row["state"] == "ended" for row in sessions["data"])
    session = sessions["data"][1]
    assert session["created"] == counts(report)["created"]
    code, shown = deployment.json("sessions", "show", session["session_id"][:13])
    assert code == 0
    assert shown["data"]["session"]["name"] == "employees"
    _, changes = deployment.json(
        "events", "changes", "--entity", "employee", "--operation", "created", "--limit", "500"
    )
    assert len(changes["data"]) == counts(report)["created"]
    _, books = deployment.json("events", "books")
    for book in books["data"].values():
        assert book["emitted"] == book["delivered"] + book["dead"] + sum(book["dropped"].values()) + book["pending"]
        assert book["pending"] == 0


def test_d47_no_personal_data_and_no_secret_reaches_the_state_folder(deployment: SandboxDeployment) -> None:
    deployment.run("run")
    canaries = {deployment.sandbox.token.encode()}
    for row in deployment.company.active:
        canaries |= {str(row[name]).strip().encode() for name in ("Email", "Address", "CellPhone") if row[name]}
    for path in (deployment.folder / ".busway").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [canary for canary in canaries if canary in content], path
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_only_the_jobs_named_are_run(deployment: SandboxDeployment) -> None:
    _, report = deployment.json("run", "titles")
    assert [job["job"] for job in report["data"]["jobs"]] == ["titles"]
    assert {write.path for write in deployment.sandbox.ledger.writes} == {"/api/user_titles"}


def test_jobs_lists_them_in_the_order_of_a_run(deployment: SandboxDeployment) -> None:
    _, envelope = deployment.json("jobs")
    assert [row["name"] for row in envelope["data"]] == ["departments", "titles", "jobs", "employees", "vehicles"]


def test_every_json_answer_has_the_same_envelope(deployment: SandboxDeployment) -> None:
    commands = (
        ("jobs",),
        ("plan",),
        ("run",),
        ("sessions", "list"),
        ("events", "changes"),
        ("events", "errors"),
        ("events", "books"),
        ("events", "flush"),
        ("config", "status"),
        ("config", "explain", "SAFETYAMP_TOKEN"),
        ("config", "explain", "--all"),
        ("config", "env-example"),
        ("config", "check"),
        ("config", "schema"),
        ("secrets", "list"),
        ("secrets", "check"),
        ("secrets", "audit"),
        ("plans", "list"),
        ("records", "list"),
        ("pause", "--list"),
        ("resume",),
        ("plugins", "list"),
        ("doctor",),
        ("explain", "BW1001"),
    )
    for command in commands:
        _, out, _ = deployment.run(*command, "--json")
        envelope = json.loads(out)
        assert set(envelope) - {"error"} == {"schema", "ok", "data", "warnings"}, command
        assert envelope["schema"].startswith("busway."), command
        assert deployment.sandbox.token not in out, command


def counts(report: dict[str, object]) -> dict[str, int]:
    jobs = report["data"]["jobs"]  # type: ignore[index]
    found: dict[str, int] = next(job["counts"] for job in jobs if job["job"] == "employees")
    return found


def engine(deployment: SandboxDeployment) -> sa.Engine:
    return sa.create_engine(deployment.vista.url, poolclass=sa.pool.NullPool)


def set_active(deployment: SandboxDeployment, employee: int, active: str) -> None:
    with engine(deployment).begin() as connection:
        change = sa.update(EMPLOYEES).where(EMPLOYEES.c.Employee == employee)
        connection.execute(change.values(ActiveYN=active))


def user_of(deployment: SandboxDeployment, employee: int) -> dict[str, object]:
    users = deployment.sandbox.world.records("users")
    return next(dict(user) for user in users if user["emp_id"] == str(employee))
