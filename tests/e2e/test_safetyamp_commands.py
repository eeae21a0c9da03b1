"""The commands of ``busway safetyamp`` as a person meets them: what they print, how they refuse, how they end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from builders.deployment import SandboxDeployment
from builders.running_stand_ins import running_stand_ins
from busway.cli.main import main
from busway_safetyamp.sandbox.fault import Fault, FaultKind
from busway_safetyamp.sandbox.server import Sandbox
from busway_safetyamp.sandbox.stand_ins import StandIns
from busway_safetyamp.sandbox.world import World

BUSWAY = Path(sys.executable).with_name("busway")
HEADER = "Employee,LastName,FirstName,MidName,Title,Department"
LINE = "1,Doe,Jo,,T,D"


@dataclass(frozen=True)
class Told:
    """What a command did."""

    code: int
    out: str
    err: str

    def error(self) -> list[str]:
        """The lines of the error, but for the one that names its page."""
        return [" ".join(line.split()) for line in self.err.splitlines() if not line.startswith("  more")]


Command = Callable[..., Told]


@pytest.fixture
def busway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``busway safetyamp …`` in this process and an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Told:
        capsys.readouterr()
        code = main(["safetyamp", *arguments])
        shown = capsys.readouterr()
        return Told(code, shown.out, shown.err)

    return run


@pytest.fixture
def stand_ins(tmp_path: Path) -> Iterator[StandIns]:
    """What ``busway safetyamp sandbox --env-file .env`` runs, in this process."""
    with running_stand_ins(tmp_path, people=20) as running:
        yield running


# -- options that are wrong


@pytest.mark.parametrize(
    ("arguments", "what", "fix"),
    [
        ("sandbx", "No such command 'sandbx'", "did you mean sandbox?"),
        ("sandbox --peple 5", "No such option '--peple'", "did you mean --people?"),
        ("sandbox --people 0", "Invalid value for '--people': 0 is not in the range 1<=x<=1000000", ""),
        ("sandbox --people 1000001", "Invalid value for '--people': 1000001 is not in the range 1<=x<=1000000", ""),
        ("sandbox --port 65534", "Invalid value for '--port': 65534 is not in the range 0<=x<=65533", ""),
        ("sandbox --seed one", "Invalid value for '--seed': 'one' is not a valid integer", ""),
        ("sandbox --largest-page 0", "Invalid value for '--largest-page': 0 is not in the range x>=1", ""),
        (
            "sandbox --retry-after never",
            "Invalid value for '--retry-after': 'never' is not one of 'integer', 'fractional', 'date', 'none'",
            "",
        ),
        ("sandbox --env-file .", "Invalid value for '--env-file': File '.' is a directory", ""),
        (
            "fault --of fleet",
            "Invalid value for '--of': 'fleet' is not one of 'safetyamp', 'samsara', 'graph'",
            "",
        ),
        ("ledger --limit -1", "Invalid value for '--limit': -1 is not in the range x>=0", ""),
        ("ledger all", "Got unexpected extra argument (all)", ""),
        ("load-vista --to vista.db", "Missing option '--csv'", ""),
        ("load-vista --csv people.csv", "Missing option '--to'", ""),
        ("page-size 100", "Got unexpected extra argument (100)", ""),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_made(
    busway: Command, tmp_path: Path, arguments: str, what: str, fix: str
) -> None:
    told = busway(*arguments.split())
    command = arguments.split()[0] if fix != "did you mean sandbox?" else ""
    where = f"busway safetyamp {command}".strip()
    assert (told.code, told.out) == (2, "")
    assert told.error() == [f"error[BW1001]: {what}", f"where {where}", f"fix {fix or f'{where} --help'}"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["sandbox", "fault", "ledger", "load-vista", "page-size"])
def test_every_command_has_help_and_is_named_by_its_group(busway: Command, command: str) -> None:
    group = busway("--help")
    assert re.search(rf"^  {command} +\S", group.out, re.MULTILINE)
    told = busway(command, "--help")
    assert told.code == 0
    assert f"Usage: busway safetyamp {command}" in told.out
    assert "--json" in told.out


# -- errors


def of_csv(*lines: str) -> Callable[[Path], str]:
    def arranged(folder: Path) -> str:
        (folder / "people.csv").write_text("\n".join((*lines, "")), "utf-8")
        return "load-vista --csv people.csv --to vista.db"

    return arranged


def twice(folder: Path) -> str:
    command = of_csv(HEADER, LINE)(folder)
    assert main(["safetyamp", *command.split()]) == 0
    return command


def with_notes(folder: Path) -> str:
    (folder / "notes.txt").write_text("not a database, but long enough to look at. " * 50, "utf-8")
    return "sandbox --vista notes.txt --people 5 --port 0"


def with_own_settings(folder: Path) -> str:
    (folder / ".env").write_text("KEY=value\n", "utf-8")
    return "sandbox --people 5 --port 0 --no-graph --env-file .env"


def of_a_real_account(folder: Path) -> str:
    (folder / ".env").write_text("SAFETYAMP_DOMAIN=https://api.safetyamp.com\n", "utf-8")
    return "ledger"


NEEDED = "Employee, LastName, FirstName, MidName, Title, Department"
KINDS = ", ".join(FaultKind)
START = "start one with busway safetyamp sandbox --env-file .env, or name its file: --env-file FILE"
ERRORS: dict[str, tuple[Callable[[Path], str], list[str]]] = {
    "a column is missing": (
        of_csv(HEADER.replace("Title", "Titel"), LINE),
        [
            "error[BW8001]: the file has no column Title",
            "where people.csv, line 1",
            "why the columns found are Employee, LastName, FirstName, MidName, Titel, Department",
            f"fix rename the column Titel to Title; needed are {NEEDED}",
        ],
    ),
    "no file": (
        lambda _: "load-vista --csv absent.csv --to vista.db",
        [
            "error[BW8002]: the file cannot be loaded",
            "where absent.csv",
            "why No such file or directory",
            f"fix give a CSV file in UTF-8 with the columns {NEEDED} and one line per person",
        ],
    ),
    "a Vista is there": (
        twice,
        [
            "error[BW8003]: there is a Vista at the target already",
            "where {folder}/vista.db",
            "why it holds 1 people",
            "fix add --replace to put the new one in its place, or give another path",
        ],
    ),
    "an env file of somebody else's": (
        with_own_settings,
        [
            "error[BW8005]: the settings are not written to this file",
            "where .env",
            "why it was not written by the sandbox, and may hold settings that exist nowhere else",
            "fix give another file: busway safetyamp sandbox --env-file sandbox.env",
        ],
    ),
    "not a Vista": (
        with_notes,
        [
            "error[BW8006]: the file is not a Vista of the sandbox",
            "where {folder}/notes.txt",
            "why it cannot be read as a SQLite database",
            "fix give another path; a file that does not exist is created",
        ],
    ),
    "a line that cannot be used": (
        of_csv(HEADER, LINE, "x,Doe,Jo,,T,D"),
        [
            "error[BW8007]: a line of the file cannot be used",
            "where people.csv, line 3",
            "why Employee is not a whole number above 0 of at most 9 digits",
            "fix correct the line; nothing was written",
        ],
    ),
    "no package for the certificate": (
        lambda _: "sandbox --people 5 --port 0",
        [
            "error[BW8008]: the sandbox cannot serve HTTPS",
            "where the stand-in of Microsoft Entra ID",
            "why trustme, which makes its certificate, is not installed",
            "fix pip install 'busway-safetyamp[sandbox]', or do without: busway safetyamp sandbox --no-graph",
        ],
    ),
    "an unknown fault": (
        lambda _: "sandbox --people 5 --port 0 --no-graph --fault shortn",
        [
            "error[BW8009]: there is no fault 'shortn'",
            "where the fault asked for",
            f"why known are {KINDS}",
            "fix did you mean shorten?",
        ],
    ),
    "a fault nowhere": (
        lambda _: "sandbox --people 5 --port 0 --no-graph --fault 'samsara:fail resource=vehicle'",
        [
            "error[BW8009]: this stand-in has no resource 'vehicle'",
            "where the fault asked for",
            "why it has vehicles, drivers; the others are armed with --of",
            "fix did you mean vehicles?",
        ],
    ),
    "no stand-in": (
        lambda _: "sandbox --people 5 --port 0 --no-graph --fault graph:hang",
        [
            "error[BW8009]: there is no stand-in 'graph'",
            "where the fault asked for",
            "why there are safetyamp, samsara",
            "fix write safetyamp:hang",
        ],
    ),
    "no env file": (
        lambda _: "fault fail",
        [
            "error[BW8010]: this file names no sandbox",
            "where .env",
            "why there is no such file",
            f"fix {START}",
        ],
    ),
    "a real account": (
        of_a_real_account,
        [
            "error[BW8010]: this file names no sandbox",
            "where .env",
            "why it does not set SAFETYAMP_DOMAIN to an address of this machine",
            f"fix {START}",
        ],
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_says_what_where_why_and_what_to_do(
    busway: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    arranged, expected = ERRORS[case]
    if "[BW8008]" in expected[0]:
        monkeypatch.setitem(sys.modules, "trustme", None)
    words = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", arranged(tmp_path))]
    before = sorted(tmp_path.iterdir())
    told = busway(*words)
    assert (told.code, told.out) == (2, "")
    assert told.error() == [line.replace("{folder}", str(tmp_path)) for line in expected]
    assert sorted(tmp_path.iterdir()) == before, "nothing is left behind"


def test_an_account_that_is_not_configured_is_told(busway: Command) -> None:
    told = busway("page-size")
    assert (told.code, told.error()[-1]) == (3, "fix select the plugin it belongs to under [plugins] in busway.toml")


def test_a_sandbox_that_has_ended_is_an_outage(busway: Command, tmp_path: Path) -> None:
    with Sandbox(World()) as gone:
        (tmp_path / ".env").write_text(f"SAFETYAMP_DOMAIN={gone.url}\n", "utf-8")
    told = busway("fault")
    first, where, why, fix = told.error()
    assert (told.code, first) == (5, "error[BW8011]: the sandbox does not answer")
    assert re.fullmatch(r"where http://127\.0\.0\.1:\d+", where)
    assert (why, fix) == ("why ConnectError", "fix start it again: busway safetyamp sandbox --env-file .env")


def test_an_error_is_json_where_json_was_asked_for(busway: Command) -> None:
    told = busway("ledger", "--json")
    envelope = json.loads(told.out)
    assert (told.code, envelope["ok"], envelope["error"]["code"], told.err) == (2, False, "BW8010", "")


# -- ports


def three_free_ports() -> int:
    """The first of three ports in a row that nobody listens on."""
    for first in range(20000 + os.getpid() % 10000, 65000, 3):
        with ExitStack() as opened:
            try:
                for port in range(first, first + 3):
                    opened.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
        return first
    raise AssertionError("no three free ports")


@pytest.mark.parametrize("taken", [0, 1, 2], ids=["SafetyAmp", "Samsara", "Entra ID"])
def test_a_port_in_use_is_named_and_none_is_left_open(busway: Command, tmp_path: Path, taken: int) -> None:
    first = three_free_ports()
    with closing(socket.create_server(("127.0.0.1", first + taken))):
        told = busway("sandbox", "--port", str(first), "--people", "5", "--env-file", ".env")
        assert told.code == 2
        assert told.error() == [
            f"error[BW8004]: the sandbox cannot listen on port {first + taken}",
            f"where 127.0.0.1:{first + taken}",
            "why Address already in use",
            "fix stop what listens there, or choose another: busway safetyamp sandbox --port 0 takes any free one",
        ]
        assert not (tmp_path / ".env").exists()
        for free in {0, 1, 2} - {taken}:
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", first + free)) != 0, "it was given back"


def test_two_sandboxes_at_once_are_told_apart(busway: Command, stand_ins: StandIns) -> None:
    port = stand_ins.safetyamp.url.rpartition(":")[2]
    told = busway("sandbox", "--port", port, "--people", "5", "--no-graph")
    assert (told.code, told.error()[0]) == (2, f"error[BW8004]: the sandbox cannot listen on port {port}")
    assert busway("ledger").code == 0, "the first one goes on"


# -- the end


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_it_ends_at_once_though_a_client_hangs(tmp_path: Path, number: signal.Signals) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [str(BUSWAY), "safetyamp", "sandbox", "--port", "0", "--people", "5", "--fault", "hang", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        found = json.loads("".join(iter_until(process.stdout, "}")))
        address, _, port = found["data"]["url"].removeprefix("http://").partition(":")
        with socket.create_connection((address, int(port))) as client:
            client.sendall(b"GET /api/users HTTP/1.1\r\nHost: x\r\n\r\n")
            process.send_signal(number)
            try:
                _, goodbye = process.communicate(timeout=20)
            finally:
                process.kill()
    assert process.returncode == 0
    assert "sandbox ended:" in goodbye
    assert "Traceback" not in goodbye
    assert [path.name for path in tmp_path.iterdir()] == [], "the passing Vista and the certificate are gone"


def iter_until(stream: Iterator[str], last: str) -> Iterator[str]:
    """The lines of ``stream`` as far as the one that is ``last``."""
    for line in stream:
        yield line
        if line.rstrip("\n") == last:
            return


def test_ctrl_c_while_the_company_is_made_leaves_nothing(
    busway: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million people take a while; nobody waits for the end of it."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("busway_safetyamp.sandbox.vista.VistaFile.write", interrupted)
    told = busway("sandbox", "--people", "5", "--vista", "vista.db", "--env-file", ".env")
    assert (told.code, told.err.strip()) == (130, "")
    assert list(tmp_path.iterdir()) == []


# -- the ledger, faults and the largest page


def test_the_ledger_shows_the_latest_writes_and_counts_them_all(busway: Command, stand_ins: StandIns) -> None:
    for number in range(3):
        stand_ins.safetyamp.world.create("user_titles", {"name": f"Canary {number}"})
    told = busway("ledger", "--limit", "2")
    assert told.out.count("POST") == 2
    assert told.out.endswith("3 writes; calls: none\n")
    assert "Canary" not in told.out
    assert busway("ledger", "--limit", "0").out == "3 writes; calls: none\n"
    assert len(json.loads(busway("ledger", "--limit", "1", "--json").out)["data"]["writes"]) == 3, "JSON has all"


def test_clearing_shows_what_is_forgotten(busway: Command, stand_ins: StandIns) -> None:
    stand_ins.safetyamp.world.create("user_titles", {"name": "Canary"})
    assert busway("ledger", "--clear").out.endswith("1 writes; calls: none\n")
    assert busway("ledger").out == "0 writes; calls: none\n"


def test_clearing_and_arming_in_one_command_leaves_the_new_fault_alone(busway: Command, stand_ins: StandIns) -> None:
    busway("fault", "hang", "resource=users")
    busway("fault", "--clear", "fail", "resource=sites", "status=503")
    assert stand_ins.safetyamp.faults.armed == (Fault(FaultKind.FAIL, "sites", status=503),)
    assert busway("fault", "--clear").out == "nothing goes wrong\n"


def test_the_sandbox_of_another_file_is_reached_through_it(
    busway: Command, stand_ins: StandIns, tmp_path: Path
) -> None:
    (tmp_path / ".env").rename(tmp_path / "sandbox.env")
    assert busway("fault", "drop", "--env-file", "sandbox.env").code == 0
    assert [fault.kind for fault in stand_ins.safetyamp.faults.armed] == [FaultKind.DROP]
    assert busway("ledger").code == 2


def test_the_directory_is_reached_over_https_with_its_own_authority(busway: Command, stand_ins: StandIns) -> None:
    assert busway("fault", "throttle", "retry_after=0.5", "--of", "graph").code == 0
    assert stand_ins.graph is not None
    assert stand_ins.graph.faults.armed[0].retry_after == "0.5"


def test_the_largest_page_is_found_and_what_to_set_is_said(deployment: SandboxDeployment) -> None:
    for number in range(60):
        user = {"first_name": "A", "last_name": "B", "email": f"u{number}@example.test"}
        deployment.sandbox.world.add("users", user)
    users = len(deployment.sandbox.world.users)
    code, out, _ = deployment.run("safetyamp", "page-size")
    assert (code, out.splitlines()) == (
        0,
        [
            f"largest page: {users} users   set SAFETYAMP_PAGE_SIZE={users}   (it is 25)",
            f"  all {users} users came in one page, so a larger one is not proven; 2 calls",
        ],
    )
    deployment.add_toml(f"SAFETYAMP_PAGE_SIZE = {users}\n")
    code, envelope = deployment.json("safetyamp", "page-size")
    assert (code, envelope["schema"]) == (0, "busway.safetyamp.page-size/1")
    assert (envelope["data"]["size"], envelope["data"]["set"]) == (users, users)
    assert deployment.run("safetyamp", "page-size")[1].startswith(f"largest page: {users} users   as it is set\n")
    assert deployment.writes == 0


def test_a_refused_key_ends_the_search_with_the_way_out(deployment: SandboxDeployment) -> None:
    deployment.configure({"SAFETYAMP_TOKEN": "canary-wrong-key"})
    code, out, err = deployment.run("safetyamp", "page-size")
    assert (code, out) == (4, "")
    assert "error[BW5001]: SafetyAmp refused the API key" in err
    assert "busway config explain SAFETYAMP_TOKEN" in err
    assert "canary" not in err
    assert len(deployment.sandbox.answers) == 1, "asked once"
