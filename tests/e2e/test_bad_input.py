"""Bad input: a coded error that says where, why and what to do, the right exit code, and nothing half written."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.deployment import SandboxDeployment


def refused(deployment: SandboxDeployment, *arguments: str, code: int, error: str) -> str:
    """Runs a command that must fail; returns what it printed for a person."""
    before = deployment.writes
    exit_code, out, err = deployment.run(*arguments)
    shown = out + err
    assert exit_code == code, shown
    assert f"[{error}]" in shown, shown
    assert "fix" in shown
    assert "Traceback" not in shown
    assert deployment.sandbox.token not in shown
    assert deployment.writes == before, "nothing was written"
    return shown


@pytest.mark.parametrize(
    ("arguments", "error", "shown"),
    [
        (("rnu",), "BW1002", "did you mean: busway run"),
        (("run", "--detailed-exitcode"), "BW1001", "--detailed-exitcode"),
        (("run", "employes"), "BW4003", "employees"),
        (("plan", "employes"), "BW4003", "employees"),
        (("config", "explain", "SAFETYAMP_TOKE"), "BW1106", "SAFETYAMP_TOKEN"),
        (("config", "explain"), "BW1004", "--all"),
        (("show", "nothing.plan"), "BW4020", "nothing.plan"),
        (("sessions", "show", "0000"), "BW3002", "0000"),
    ],
)
def test_a_wrong_request(deployment: SandboxDeployment, arguments: tuple[str, ...], error: str, shown: str) -> None:
    assert shown in refused(deployment, *arguments, code=2, error=error)


@pytest.mark.parametrize(
    ("toml", "error", "shown"),
    [
        ("[plugins\n", "BW1101", "busway.toml:"),
        ("[plugns]\n", "BW1102", "plugins"),
        ("[sync.employees]\nmax_deactivation_pct = 5\n", "BW4010", "max_deactivations_pct"),
        ("[sync.employees]\nmax_deactivations_pct = 500\n", "BW4011", "busway.toml:"),
        ('[data."vista.employees"]\nttl = "soon"\n', "BW2002", "busway.toml:"),
    ],
)
def test_a_wrong_file(deployment: SandboxDeployment, toml: str, error: str, shown: str) -> None:
    deployment.add_toml(toml)
    assert shown in refused(deployment, "run", code=3, error=error)


def test_a_file_that_is_not_text(deployment: SandboxDeployment) -> None:
    (deployment.folder / "busway.toml").write_bytes(b"app = '\xff\xfe'\n")
    assert "busway.toml" in refused(deployment, "run", code=3, error="BW1101")


def test_d51_an_unknown_setting_is_found_with_the_nearest_name(deployment: SandboxDeployment) -> None:
    path = deployment.folder / "busway.toml"
    path.write_text(path.read_text("utf-8").replace('ENV = "dev"', 'ENV = "dev"\nSAFETYAMP_ROL = "Field"'), "utf-8")
    assert "SAFETYAMP_ROLE" in refused(deployment, "run", code=3, error="BW1102")


def test_a_misspelt_variable_of_the_core(deployment: SandboxDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSWAY_SINK", "log")
    assert "BUSWAY_SINKS" in refused(deployment, "run", code=3, error="BW1103")


def test_everything_that_is_missing_is_said_at_once(deployment: SandboxDeployment) -> None:
    deployment.configure({"SAFETYAMP_TOKEN": "", "VISTA_COMPANIES": "", "SAFETYAMP_ROLE": ""})
    code, _, err = deployment.run("run")
    assert code == 3
    for name in ("SAFETYAMP_TOKEN", "VISTA_COMPANIES", "SAFETYAMP_ROLE"):
        assert err.count(f"export {name}=") >= 1, err
    assert deployment.writes == 0


def test_a_vista_that_nobody_named_is_told_with_all_that_the_other_way_needs(deployment: SandboxDeployment) -> None:
    deployment.configure({"VISTA_URL": ""})
    code, envelope = deployment.json("run", "titles")
    (job,) = envelope["data"]["jobs"]
    assert (code, job["problem"]["code"], job["problem"]["where"]) == (3, "BW5107", "VISTA_URL")
    missing = {one["what"].split()[0] for one in job["others"]}
    assert missing == {"SQL_SERVER", "SQL_DATABASE"}
    shown = deployment.run("run", "titles")[1]
    assert all(f"error[BW1202]: {name} is not set" in shown for name in missing)
    assert deployment.writes == 0


def test_a_plugin_that_is_not_installed(deployment: SandboxDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSWAY_CACHES", "memory,rediss")
    assert 'did you mean "redis"' in refused(deployment, "run", code=3, error="BW1301")


def test_an_optional_plugin_that_fails_is_told_at_the_end(
    deployment: SandboxDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUSWAY_SINKS", "log,ledger,email")
    code, envelope = deployment.json("run", "titles")
    assert code == 0
    assert envelope["data"]["jobs"][0]["counts"]["created"] > 0
    (warning,) = [one for one in envelope["warnings"] if "sinks.email" in one]
    assert "busway-sink-email 0.1.0" in warning
    assert "SMTP_SERVER" in warning


def test_a_source_database_that_is_not_there(deployment: SandboxDeployment) -> None:
    deployment.configure({"VISTA_URL": f"sqlite:///{deployment.folder}/gone.db"})
    shown = refused(deployment, "run", code=5, error="BW5105")
    assert "gone.db" in shown
    assert not (deployment.folder / "gone.db").exists(), "opening a missing SQLite file must not make one"


def test_a_token_that_is_refused(deployment: SandboxDeployment) -> None:
    deployment.configure({"SAFETYAMP_TOKEN": "another-token-altogether"})
    shown = refused(deployment, "run", code=4, error="BW5001")
    assert "busway config explain SAFETYAMP_TOKEN" in shown
    assert "another-token" not in shown


def test_a_target_that_answers_500(deployment: SandboxDeployment) -> None:
    deployment.sandbox.faults.fail_page("user_titles", 0, status=500)
    refused(deployment, "run", "titles", "employees", code=5, error="BW5101")


def test_a_target_that_fails_on_a_later_page(deployment: SandboxDeployment) -> None:
    deployment.configure({"SAFETYAMP_PAGE_SIZE": "2"})
    deployment.sandbox.faults.fail_page("users", 1, status=500)
    code, _, _ = deployment.run("run", "employees")
    assert code == 5
    assert deployment.writes == 0, "a list that was cut short must never look like a whole one"


def test_a_target_that_answers_html(deployment: SandboxDeployment) -> None:
    deployment.sandbox.faults.answer_html()
    refused(deployment, "run", code=4, error="BW5002")


def test_a_target_that_is_not_there(deployment: SandboxDeployment) -> None:
    deployment.sandbox.close()
    shown = refused(deployment, "run", code=5, error="BW5102")
    assert "127.0.0.1" in shown


def test_a_job_whose_parent_failed_is_not_run(deployment: SandboxDeployment) -> None:
    deployment.sandbox.faults.fail_page("user_titles", 0, status=500)
    code, envelope = deployment.json("run")
    assert code == 5
    assert [(job["job"], job["outcome"]) for job in envelope["data"]["jobs"]] == [
        ("departments", "done"),
        ("titles", "aborted"),
        ("jobs", "done"),
        ("employees", "not run"),
        ("vehicles", "not run"),
    ]
    assert (
        deployment.sandbox.ledger.count(path="/api/users") == deployment.sandbox.ledger.count(path="/api/assets") == 0
    )


def test_a_missing_csv_column(deployment: SandboxDeployment, tmp_path: Path) -> None:
    source = tmp_path / "people.csv"
    source.write_text("Employee,LastName,FirstName,MidName,Titel,Department\n1,A,B,,C,D\n", "utf-8")
    target = tmp_path / "made.db"
    shown = refused(
        deployment,
        "safetyamp",
        "load-vista",
        "--csv",
        str(source),
        "--to",
        f"sqlite:///{target}",
        code=2,
        error="BW8001",
    )
    assert "Titel" in shown
    assert not target.exists()


def test_a_state_folder_that_cannot_be_made(deployment: SandboxDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    (deployment.folder / "taken").write_text("a file, not a folder", "utf-8")
    monkeypatch.setenv("BUSWAY_STATE_DIR", str(deployment.folder / "taken" / "state"))
    refused(deployment, "run", code=3, error="BW3103")


def test_errors_are_the_same_in_json(deployment: SandboxDeployment) -> None:
    deployment.configure({"SAFETYAMP_TOKEN": ""})
    code, envelope = deployment.json("run")
    assert code == 3
    assert envelope["ok"] is False
    assert {"code", "what", "where", "why", "fix"} == set(envelope["error"])


def test_a_job_without_its_validators_is_refused(deployment: SandboxDeployment) -> None:
    path = deployment.folder / "busway.toml"
    path.write_text(path.read_text("utf-8").replace('validators = ["safetyamp"]', "validators = []"), "utf-8")
    assert "employee" in refused(deployment, "run", code=3, error="BW4013")


def test_a_table_of_a_job_that_does_not_exist(deployment: SandboxDeployment) -> None:
    deployment.add_toml("[sync.employes]\nmax_creates = 5\n")
    shown = refused(deployment, "run", "titles", code=3, error="BW4010")
    assert "did you mean [sync.employees]?" in shown
    assert "busway.toml:" in shown


def test_everything_wrong_with_the_tables_is_said_at_once(deployment: SandboxDeployment) -> None:
    deployment.add_toml("[sync.titles]\nmax_creats = 5\n[sync.employees]\nmax_creates = -1\n")
    shown = refused(deployment, "run", code=3, error="BW4010")
    assert "[BW4011]" in shown


def test_an_unknown_command_without_a_near_one(deployment: SandboxDeployment) -> None:
    assert "busway --help" in refused(deployment, "zzzzzz", code=2, error="BW1002")
