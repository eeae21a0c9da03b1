"""Sixty dangers that an earlier integration ran into: for each there is a test with its number, or a reason here."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
NUMBERS = range(1, 61)
NUMBERED = re.compile(r"test_d(\d\d)_")

CANNOT_EXIST_HERE = {
    41: "the integration waits for no trigger: `busway run` runs at once, the service has a queue: test_service_api",
    45: "errors are lines that are appended to the core's journal; the integration keeps no file of errors",
    46: "the integration notifies nobody: the core's digest is an event with delivery, retries and books",
    53: "the integration builds no connection string; the core does, escaped, TLS verified: test_configuration_sql",
    54: "the integration shows no setting; `busway config` shows secrets as set or unset: test_configuration_leaks",
    55: "the integration has no console; the core escapes the cells of its CSV: test_cli_events_csv",
    56: "nothing of the integration listens but the sandbox, on loopback alone; the service: test_service_security",
    60: "the integration has no endpoints; each of the service's is called by a test: test_service_api",
}


def numbered() -> dict[int, list[str]]:
    """Names of tests, by the number they bear."""
    found: dict[int, list[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match = NUMBERED.match(node.name) if isinstance(node, ast.FunctionDef) else None
            if match:
                found.setdefault(int(match[1]), []).append(f"{path.name}::{match.string}")
    return found


def test_every_danger_has_a_test_or_a_reason() -> None:
    tested = numbered().keys()
    assert sorted(tested | CANNOT_EXIST_HERE.keys()) == [*NUMBERS]
    assert not tested & CANNOT_EXIST_HERE.keys(), "what can be tested needs no excuse"


def test_what_a_reason_refers_to_is_there() -> None:
    named = {name for reason in CANNOT_EXIST_HERE.values() for name in re.findall(r"test_\w+", reason)}
    assert named == {path.stem for path in TESTS.rglob("test_*.py") if path.stem in named}
