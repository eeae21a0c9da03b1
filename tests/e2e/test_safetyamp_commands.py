"""The commands of ``busway safetyamp`` as a person meets them: what they print, how they refuse, how they end."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.told_command import Command
from busway.cli.main import main
from busway_safetyamp.sandbox.fault import FaultKind
from busway_safetyamp.sandbox.server import Sandbox
from busway_safetyamp.sandbox.world import World

HEADER = "Employee,LastName,FirstName,MidName,Title,Department"
LINE = "1,Doe,Jo,,T,D"


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
    safetyamp: Command, tmp_path: Path, arguments: str, what: str, fix: str
) -> None:
    told = safetyamp(*arguments.split())
    command = arguments.split()[0] if fix != "did you mean sandbox?" else ""
    where = f"busway safetyamp {command}".strip()
    assert (told.code, told.out) == (2, "")
    assert told.error() == [f"error[BW1001]: {what}", f"where {where}", f"fix {fix or f'{where} --help'}"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["sandbox", "fault", "ledger", "load-vista", "page-size"])
def test_every_command_has_help_and_is_named_by_its_group(safetyamp: Command, command: str) -> None:
    group = safetyamp("--help")
    assert re.search(rf"^  {command} +\S", group.out, re.MULTILINE)
    told = safetyamp(command, "--help")
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
    safetyamp: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    arranged, expected = ERRORS[case]
    if "[BW8008]" in expected[0]:
        monkeypatch.setitem(sys.modules, "trustme", None)
    words = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", arranged(tmp_path))]
    before = sorted(tmp_path.iterdir())
    told = safetyamp(*words)
    assert (told.code, told.out) == (2, "")
    assert told.error() == [line.replace("{folder}", str(tmp_path)) for line in expected]
    assert sorted(tmp_path.iterdir()) == before, "nothing is left behind"


def test_an_account_that_is_not_configured_is_told(safetyamp: Command) -> None:
    told = safetyamp("page-size")
    assert (told.code, told.error()[-1]) == (3, "fix select the plugin it belongs to under [plugins] in busway.toml")


def test_a_sandbox_that_has_ended_is_an_outage(safetyamp: Command, tmp_path: Path) -> None:
    with Sandbox(World()) as gone:
        (tmp_path / ".env").write_text(f"SAFETYAMP_DOMAIN={gone.url}\n", "utf-8")
    told = safetyamp("fault")
    first, where, why, fix = told.error()
    assert (told.code, first) == (5, "error[BW8011]: the sandbox does not answer")
    assert re.fullmatch(r"where http://127\.0\.0\.1:\d+", where)
    assert (why, fix) == ("why ConnectError", "fix start it again: busway safetyamp sandbox --env-file .env")


def test_an_error_is_json_where_json_was_asked_for(safetyamp: Command) -> None:
    told = safetyamp("ledger", "--json")
    envelope = json.loads(told.out)
    assert (told.code, envelope["ok"], envelope["error"]["code"], told.err) == (2, False, "BW8010", "")
