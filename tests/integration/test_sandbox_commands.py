from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
import pytest
from click.testing import CliRunner
from dotenv import dotenv_values

from builders.running_stand_ins import running_stand_ins
from builders.safetyamp_parts import safetyamp_http
from busway.configuration.declarations import declarations_of
from busway.configuration.values import prepared
from busway.errors import RefusedError, UnreachableError, UsageError
from busway_safetyamp.commands import safetyamp
from busway_safetyamp.largest_page import find_largest_page
from busway_safetyamp.sandbox.api import PageLimit
from busway_safetyamp.sandbox.company import Company
from busway_safetyamp.sandbox.fault import Fault, FaultKind
from busway_safetyamp.sandbox.paste import exports, write_env_file
from busway_safetyamp.sandbox.seeding import world_for_company
from busway_safetyamp.sandbox.server import Sandbox
from busway_safetyamp.sandbox.stand_ins import StandInOptions, StandIns
from busway_safetyamp.sandbox.vista import VistaFile
from busway_safetyamp.sandbox.world import World
from busway_safetyamp.settings import SafetyAmpSettings

MAIN = [sys.executable, "-c", "from busway_safetyamp.commands import safetyamp; safetyamp()"]
CSV = "Employee,LastName,FirstName,MidName,Title,Department\n1,A,B,,T,D\n2,C,D,,T,D\n"


@contextmanager
def running(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [*MAIN, "sandbox", "--port", "0", *options]
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(stream: IO[str] | None, last: str) -> str:
    assert stream is not None
    lines = []
    for line in stream:
        lines.append(line)
        if line.startswith(last):
            break
    return "".join(lines)


def calling(settings: dict[str, str]) -> httpx.Client:
    headers = {
        "Authorization": f"Bearer {settings['SAFETYAMP_TOKEN']}",
        "Fqdn": settings["SAFETYAMP_FQDN"],
        "Accept": "application/json",
    }
    return httpx.Client(base_url=settings["SAFETYAMP_DOMAIN"], headers=headers)


def test_the_sandbox_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    with running(tmp_path, "--people", "20", "--json") as process:
        found = json.loads(until(process.stdout, "}"))
        assert found["ok"]
        settings = found["data"]["settings"]
        vista = VistaFile(settings["VISTA_URL"])
        assert vista.people() == found["data"]["vista"]["people"]
        with calling(settings) as client:
            assert client.get("/api/roles").status_code == 200
        process.send_signal(signal.SIGINT)
        _, goodbye = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "1 calls (1 x 200), 0 writes" in goodbye
    assert not vista.path.exists()


def test_the_settings_can_be_pasted(tmp_path: Path) -> None:
    with running(tmp_path, "--people", "20", "--vista", "my vista.db") as process:
        text = until(process.stdout, "Ctrl-C")
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0
    lines = [line for line in text.splitlines() if line.startswith("export ")]
    script = "\n".join([*lines, 'echo "$VISTA_URL|$SAFETYAMP_ROLE|$VISTA_COMPANIES|$SAFETYAMP_RATE_LIMIT_CALLS"'])
    shell = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True)
    assert shell.stdout.strip() == f"sqlite:///{tmp_path / 'my vista.db'}|Field|1|60"
    assert (tmp_path / "my vista.db").exists()


def test_a_loaded_vista_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(CSV, "utf-8")
    target = f"sqlite:///{tmp_path / 'vista.db'}"
    loaded = CliRunner().invoke(
        safetyamp, ["load-vista", "--csv", str(tmp_path / "people.csv"), "--to", target, "--json"]
    )
    assert loaded.exit_code == 0
    assert json.loads(loaded.stdout)["data"]["people"] == 2
    before = (tmp_path / "vista.db").read_bytes()
    with running(tmp_path, "--vista", target, "--no-quota", "--env-file", "sandbox.env") as process:
        until(process.stdout, "Ctrl-C")
        settings = {name: value or "" for name, value in dotenv_values(tmp_path / "sandbox.env").items()}
        assert settings["SAFETYAMP_RATE_LIMIT_CALLS"] == "0"
        with calling(settings) as client:
            assert {client.get("/api/sites").status_code for _ in range(70)} == {200}
            assert [user["last_name"] for user in client.get("/api/users").json()["data"]] == ["Owner"]
    assert (tmp_path / "vista.db").read_bytes() == before


def test_load_vista_says_what_it_did(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(CSV, "utf-8")
    arguments = ["load-vista", "--csv", str(tmp_path / "people.csv"), "--to", str(tmp_path / "vista.db")]
    done = CliRunner().invoke(safetyamp, arguments)
    assert "loaded 2 people, 1 titles, 1 departments" in done.stdout
    again = CliRunner().invoke(safetyamp, arguments)
    assert isinstance(again.exception, UsageError)
    assert again.exception.code == "BW8003"
    assert CliRunner().invoke(safetyamp, [*arguments, "--replace"]).exit_code == 0


def test_a_taken_port_ends_the_command_and_leaves_no_env_file(tmp_path: Path) -> None:
    with Sandbox(World()) as other:
        port = other.url.rpartition(":")[2]
        env_file = tmp_path / "sandbox.env"
        arguments = ["sandbox", "--port", port, "--people", "5", "--env-file", str(env_file)]
        result = CliRunner().invoke(safetyamp, arguments)
    assert isinstance(result.exception, UsageError)
    assert result.exception.code == "BW8004"
    assert not env_file.exists()


def test_the_env_file_is_overwritten_only_if_it_is_the_sandboxs_own(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.env"
    write_env_file(path, {"A": "1"})
    write_env_file(path, {"A": "two words"})
    assert dotenv_values(path) == {"A": "two words"}
    assert path.stat().st_mode & 0o077 == 0
    own = tmp_path / ".env"
    own.write_text("KEY=value\n", "utf-8")
    with pytest.raises(UsageError) as caught:
        write_env_file(own, {"A": "1"})
    assert caught.value.code == "BW8005"
    assert own.read_text("utf-8") == "KEY=value\n"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".env", "sandbox.env"]


def test_every_setting_needed_is_among_those_printed(tmp_path: Path) -> None:
    company = Company(1, 20)
    options = StandInOptions(quota=None)
    with StandIns(world_for_company(company), company.active, seed=1, options=options) as running:
        settings = running.settings("sqlite:////tmp/vista.db")
        assert Path(settings["SAFETYAMP_CA_FILE"]).read_bytes() == running.graph.authority  # type: ignore[union-attr]
        ca_folder = Path(settings["SAFETYAMP_CA_FILE"]).parent
    assert not ca_folder.exists()
    declared = {one.name: one for one in declarations_of(SafetyAmpSettings, "busway-safetyamp")}
    assert set(settings) <= set(declared)
    assert {name for name, one in declared.items() if one.required} <= set(settings)
    values = {declared[name].field: prepared(value, declared[name].text_form) for name, value in settings.items()}
    made = SafetyAmpSettings(**values)
    assert (made.enrichment, made.rate_limit_calls, made.vehicle_types()) == ("required", 0, [(1, 1)])
    assert exports({"A": "it's"}) == "export A='it'\"'\"'s'"


def test_without_a_directory_there_is_no_enrichment() -> None:
    company = Company(1, 20)
    with StandIns(world_for_company(company), [], seed=1, options=StandInOptions(graph=False)) as running:
        settings = running.settings("sqlite:////tmp/vista.db")
    assert settings["SAFETYAMP_ENRICHMENT"] == "off"
    assert not [name for name in settings if name.startswith("MS_GRAPH_")]
    assert set(running.faults) == {"safetyamp", "samsara"}


def test_a_directory_needs_what_makes_its_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(UsageError, match="BW8008") as caught:
        StandIns(World(), [], seed=1, options=StandInOptions())
    assert "busway-safetyamp[sandbox]" in caught.value.problem.fix


def test_ports_follow_one_another_and_one_that_is_taken_leaves_nothing_open() -> None:
    with Sandbox(World()) as other:
        port = int(other.url.rpartition(":")[2])
        stand_ins = StandIns(World(), [], seed=1, options=StandInOptions(port=port - 1, graph=False))
        with pytest.raises(UsageError, match="BW8004"), stand_ins:
            raise AssertionError("Samsara's port is taken")
        with pytest.raises(RuntimeError):
            assert stand_ins.safetyamp.url


@pytest.fixture
def running_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIns]:
    """All stand-ins, with their settings in ``.env`` of the working folder."""
    monkeypatch.chdir(tmp_path)
    with running_stand_ins(tmp_path) as running:
        yield running


def run(*arguments: str) -> Any:
    """The data of one command; raises what it raises."""
    result = CliRunner().invoke(safetyamp, [*arguments, "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["data"]


def test_faults_are_armed_shown_and_cleared_in_a_sandbox_that_runs(running_sandbox: StandIns) -> None:
    assert run("fault") == []
    (armed,) = run("fault", "fail", "resource=users", "page=1", "status=503", "times=2")
    assert Fault(**armed) == Fault(FaultKind.FAIL, "users", 1, status=503, times=2)
    assert len(run("fault")) == len(running_sandbox.safetyamp.faults.armed) == 1
    run("fault", "--of", "samsara", "hang")
    run("fault", "slow", "seconds=0.1", "--of", "graph")
    assert [len(faults.armed) for faults in running_sandbox.faults.values()] == [1, 1, 1]
    assert run("fault", "--clear") == []
    assert [len(faults.armed) for faults in running_sandbox.faults.values()] == [0, 1, 1]
    CliRunner().invoke(safetyamp, ["fault", "drop", "times=1"])
    shown = CliRunner().invoke(safetyamp, ["fault", "fail", "resource=users", "page=0", "status=503", "after=2"])
    assert [line.split() for line in shown.stdout.splitlines()] == [
        ["FAULT", "RESOURCE", "PAGE", "TIMES", "WITH"],
        ["drop", "any", "any", "1"],
        ["fail", "users", "0", "always", "after=2", "status=503"],
    ]


HELP = "busway safetyamp fault --help"


@pytest.mark.parametrize(
    ("arguments", "what", "fix"),
    [
        (["fial"], "there is no fault 'fial'", "did you mean fail?"),
        (["fail", "pages=1"], "a fault has no option 'pages'", "did you mean page?"),
        (["fail", "users"], "a fault has no option 'users'", HELP),
        (["fail", "page=one"], "page of the fault fail cannot be used", HELP),
        (["fail", "times=0"], "times of the fault fail cannot be used", HELP),
        (["fail", "status=200"], "status of the fault fail cannot be used", HELP),
        (["slow", "seconds=nan"], "seconds of the fault slow cannot be used", HELP),
        (["fail", "resource=user"], "this stand-in has no resource 'user'", "did you mean users?"),
        (["fail", "resource=vehicles"], "this stand-in has no resource 'vehicles'", HELP),
        (["fail", "resource=users", "--of", "samsara"], "this stand-in has no resource 'users'", HELP),
        (["ignore"], "the fault ignore needs a field", "write ignore field=ext_id, for example"),
    ],
)
def test_a_fault_that_could_never_strike_is_refused(
    running_sandbox: StandIns, arguments: list[str], what: str, fix: str
) -> None:
    with pytest.raises(UsageError, match="BW8009") as caught:
        run("fault", *arguments)
    assert (caught.value.problem.what, caught.value.problem.fix) == (what, fix)
    assert [faults.armed for faults in running_sandbox.faults.values()] == [(), (), ()]


def test_a_fault_may_be_there_from_the_start() -> None:
    stand_ins = StandIns(World(), [], seed=1, options=StandInOptions(graph=False))
    stand_ins.arm("fail resource=users status=503")
    stand_ins.arm("samsara:throttle retry_after=0.4")
    assert [faults.armed[0].kind for faults in stand_ins.faults.values()] == [FaultKind.FAIL, FaultKind.THROTTLE]
    for wrong in ("graph:hang", "", "nonsense"):
        with pytest.raises(UsageError, match="BW8009"):
            stand_ins.arm(wrong)


def test_the_ledger_of_a_sandbox_that_runs_is_shown_and_cleared(running_sandbox: StandIns) -> None:
    running_sandbox.safetyamp.world.create("user_titles", {"name": "Canary"})
    data = run("ledger", "--clear")
    assert [(write["method"], write["fields"]) for write in data["writes"]] == [("POST", ["name"])]
    assert data["calls"] == {}
    assert run("ledger") == {"writes": [], "calls": {}}
    running_sandbox.safetyamp.world.create("user_titles", {"name": "Canary"})
    shown = CliRunner().invoke(safetyamp, ["ledger"])
    assert "POST   /api/user_titles" in shown.stdout
    assert shown.stdout.endswith("1 writes; calls: none\n")
    assert "Canary" not in shown.stdout


@pytest.mark.parametrize("content", [None, "SAFETYAMP_DOMAIN=https://api.safetyamp.com\n", "A=1\n"])
@pytest.mark.parametrize("command", ["fault", "ledger"])
def test_a_real_account_is_never_asked_for_what_a_sandbox_has(
    tmp_path: Path, command: str, content: str | None
) -> None:
    file = tmp_path / "some.env"
    if content is not None:
        file.write_text(content, "utf-8")
    with pytest.raises(UsageError, match="BW8010"):
        run(command, "--env-file", str(file))


def test_a_sandbox_that_has_ended_is_told(tmp_path: Path) -> None:
    with Sandbox(World()) as ended:
        (tmp_path / ".env").write_text(f"SAFETYAMP_DOMAIN={ended.url}\n", "utf-8")
    with pytest.raises(UnreachableError, match="BW8011"):
        run("ledger", "--env-file", str(tmp_path / ".env"))


@pytest.mark.parametrize(
    ("limit", "users", "size", "calls"),
    [
        (PageLimit(1000), 30, 30, 2),
        (PageLimit(100), 300, 100, 4),
        (PageLimit(100), 60, 60, 5),
        (PageLimit(40), 300, 25, 5),
        (PageLimit(40, refuses=False), 300, 40, 2),
        (PageLimit(25, refuses=False), 300, 25, 10),
        (PageLimit(500), 500, 500, 2),
        (PageLimit(1000), 4, 25, 2),
    ],
)
def test_the_largest_page_that_is_served_whole_is_found(limit: PageLimit, users: int, size: int, calls: int) -> None:
    world = World()
    for number in range(users):
        world.add("users", {"first_name": "A", "last_name": "B", "email": f"u{number}@example.test"})
    with Sandbox(world, quota=None, page_limit=limit) as sandbox:
        http = safetyamp_http(sandbox.url, token=sandbox.token, fqdn=sandbox.fqdn)
        found = find_largest_page(http)
        http.close()
    assert (found.size, found.calls) == (size, calls)
    assert (len(sandbox.ledger), sandbox.calls) == (0, calls)


def test_a_refused_key_ends_the_search_for_the_largest_page() -> None:
    with Sandbox(World(), quota=None) as sandbox:
        http = safetyamp_http(sandbox.url, token="wrong")
        with pytest.raises(RefusedError, match="BW5001"):
            find_largest_page(http)
        http.close()
