"""``busway secrets``: states, a check, an audit; what an operator reads, and never a value."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from busway.cli import config_view, secrets_view
from busway.cli.main import main
from busway.configuration.audit import SecretAccess
from busway.configuration.secret_warnings import validity_warning
from busway.stores.secret_accesses import SecretAccessStore
from busway.stores.state import StateStore

TOML = """\
[plugins]
caches = ["memory", "redis"]
sinks = ["log", "ledger", "email"]
validators = ["safetyamp"]
jobs = ["safetyamp"]
[settings]
ENV = "dev"
SMTP_SERVER = "mail.example.test"
ALERT_EMAIL_FROM = "a@example.test"
ALERT_EMAIL_TO = "b@example.test"
"""
CANARY = "c4n4ry-5ecret-Value-0x7f"
DAY_NS = 86_400 * 10**9
NOW_NS = 1_700_000_000 * 10**9

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """One command in a deployment with the environment of the test alone: exit code, stdout, stderr."""
    for name in [name for name in os.environ if name != "PATH"]:
        monkeypatch.delenv(name)
    (tmp_path / "busway.toml").write_text(TOML)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["-C", str(tmp_path), *arguments])
        shown = capsys.readouterr()
        assert CANARY not in shown.out + shown.err
        return code, shown.out, shown.err

    return call


def data_of(answer: tuple[int, str, str]) -> Any:
    envelope = json.loads(answer[1])
    assert envelope["ok"] is (answer[0] == 0)
    return envelope["data"]


def line_of(out: str, name: str) -> list[str]:
    (line,) = [line for line in out.splitlines() if name in line.split()[:2]]
    return line.split()


# -- list


def test_the_list_has_every_declared_secret_with_its_place(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFETYAMP_TOKEN", CANARY)
    code, out, _ = run("secrets", "list")
    assert code == 0
    assert out.splitlines()[0].split() == ["SECRET", "STATE", "SOURCE", "PLACE", "VERSION", "READ", "LENGTH", "OWNER"]
    names = [line.split()[0] for line in out.splitlines()[1:]]
    assert {"SAFETYAMP_TOKEN", "REDIS_PASSWORD", "SMTP_PASSWORD", "VISTA_SQL_PASSWORD"} <= set(names)
    assert line_of(out, "REDIS_PASSWORD")[1:3] == ["unset", "-"]
    assert line_of(out, "SAFETYAMP_TOKEN")[1:8] == ["set", "env", "-", "-", "-", "16", "to"]
    rows = {row["name"]: row for row in data_of(run("secrets", "list", "--ask", "--json"))}
    token = rows["SAFETYAMP_TOKEN"]
    assert (token["state"], token["set"], token["source"], token["length"]) == ("fresh", True, "env", "16 to 39")
    assert set(token) == {
        *("name", "state", "set", "source", "place", "version", "age_seconds", "fresh_for_seconds", "length"),
        *("maskable", "expires_at_ns", "not_before_ns", "reason", "owner"),
    }


def row(name: str, state: str, **more: Any) -> dict[str, Any]:
    told = {
        "set": state != "unread",
        "source": "keyvault",
        "place": f"https://acme.test {name.replace('_', '-')}",
        "version": "",
        "length": "",
    }
    return {"name": name, "state": state, **told, "age_seconds": None, "reason": "", "owner": "acme", **more}


def test_the_table_gives_way_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_view, "width", lambda: 78)
    monkeypatch.setattr(secrets_view, "width", lambda: 78)
    rows = [
        row("A_KEY", "fresh", version="0123456789abcdef", age_seconds=240.0, length="16 to 39", place="p" * 60),
        row("B_KEY", "stale", age_seconds=7300.0, length="under 8", reason="BW1406: it does not answer"),
        row("C_KEY", "unread"),
    ]
    secrets_view.print_states(rows, asked=False)
    assert capsys.readouterr().out.splitlines() == [
        "SECRET  STATE   SOURCE    PLACE  VERSION  READ       LENGTH               OWNER",
        "A_KEY   fresh   keyvault  pppp…  0123…    4 min ago  16 to 39 characters  acme",
        "B_KEY   stale   keyvault  http…  -        2 h ago    under 8 characters   acme",
        "  BW1406: it does not answer",
        "C_KEY   unread  keyvault  http…  -        -          -                    acme",
        "unread: a vault may have it, and was not asked.  Ask it:  busway secrets list --ask",
    ]


# -- check


def test_a_check_says_for_each_secret_what_it_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMSARA_API_KEY", CANARY)
    monkeypatch.setenv("REDIS_PASSWORD", "short")
    code, out, _ = run("secrets", "check")
    assert code == 3
    assert line_of(out, "SAMSARA_API_KEY") == (
        ["ok", "SAMSARA_API_KEY", "env:", "environment", "variable", "SAMSARA_API_KEY,", "16", "to", "39", "characters"]
    )
    assert line_of(out, "REDIS_PASSWORD")[0] == "warning"
    assert "BW1215: secret REDIS_PASSWORD is too short to be masked" in out
    assert line_of(out, "SAFETYAMP_TOKEN")[0] == "problem"
    assert "fix export SAFETYAMP_TOKEN=...\n" in out
    assert line_of(out, "SMTP_PASSWORD")[0] == "unset"
    assert out.splitlines()[-1].endswith(": 1 ok, 1 warning, 1 problem, 7 unset")


def test_a_check_of_some(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_of(run("secrets", "check", "safetyamp-token", "--json"))
    assert (data["exit_code"], data["secrets"][0]["problems"][0]["code"]) == (3, "BW1201")
    monkeypatch.setenv("SAFETYAMP_TOKEN", CANARY)
    data = data_of(run("secrets", "check", "safetyamp-token", "--json"))
    assert data["exit_code"] == 0
    (checked,) = data["secrets"]
    assert (checked["verdict"], checked["length"], checked["problems"]) == ("ok", "16 to 39", [])


@pytest.mark.parametrize(
    ("names", "code"), [(("SAFETYAMP_TOKE",), "BW1106"), (("LOG_LEVEL",), "BW1219"), (("Q", "LOG_LEVEL"), "BW1106")]
)
def test_a_name_that_is_no_secret(run: Run, names: tuple[str, ...], code: str) -> None:
    exit_code, out, err = run("secrets", "check", *names)
    assert (exit_code, out) == (2, "")
    assert f"error[{code}]" in err


def test_what_an_optional_plugin_lacks_is_a_warning(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "busway.toml").write_text('[plugins]\nsinks = ["log", "webhook"]\n[settings]\nENV = "dev"\n')
    data = data_of(run("secrets", "check", "--json"))
    verdicts = {one["name"]: (one["verdict"], one["exit_code"]) for one in data["secrets"]}
    assert verdicts["WEBHOOK_URL"] == ("warning", 0)
    (tmp_path / "busway.toml").write_text(
        '[plugins]\nsinks = ["log", "webhook"]\n[plugins.policy]\n"sinks.webhook" = "required"\n'
    )
    data = data_of(run("secrets", "check", "--json"))
    verdicts = {one["name"]: (one["verdict"], one["exit_code"]) for one in data["secrets"]}
    assert verdicts["WEBHOOK_URL"] == ("problem", 3)


@pytest.mark.parametrize(
    ("expires_in", "starts_in", "told"),
    [
        (None, None, ""),
        (-1, None, "secret A_KEY has expired"),
        (0, None, "secret A_KEY has expired"),
        (DAY_NS // 2, None, "secret A_KEY expires within a day"),
        (3 * DAY_NS, None, "secret A_KEY expires in 4 days"),
        (14 * DAY_NS, None, "secret A_KEY expires in 15 days"),
        (14 * DAY_NS + 1, None, ""),
        (None, DAY_NS, "secret A_KEY is not valid yet"),
        (None, 0, ""),
        (100 * DAY_NS, DAY_NS, "secret A_KEY is not valid yet"),
    ],
)
def test_the_time_of_a_secret(expires_in: int | None, starts_in: int | None, told: str) -> None:
    found = validity_warning(
        "A_KEY",
        "keyvault: https://acme.test A-KEY",
        NOW_NS,
        expires_at_ns=None if expires_in is None else NOW_NS + expires_in,
        not_before_ns=None if starts_in is None else NOW_NS + starts_in,
    )
    assert (found.what if found is not None else "") == told
    if found is not None:
        assert found.code == "BW1216"
        assert " UTC" in found.why


# -- audit


def test_the_audit_tells_who_read_what(run: Run, tmp_path: Path) -> None:
    now = time.time_ns()
    accesses = [
        SecretAccess("SAFETYAMP_TOKEN", "keyvault", "3f2c9a8b7c6d5e4f", "jobs.safetyamp", now - 10**9, "fetched", 1),
        SecretAccess("REDIS_PASSWORD", "", "", "caches.redis", now - 2 * 10**9, "missing", 3),
        SecretAccess("SMTP_PASSWORD", "keyvault", "", "sinks.email", now - 3 * DAY_NS, "failed", 1),
    ]
    state = StateStore(tmp_path / ".busway")
    SecretAccessStore(state).add(accesses)
    state.close()
    code, out, _ = run("secrets", "audit")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["WHEN", "SECRET", "OUTCOME", "SOURCE", "VERSION", "TIMES", "READER"]
    assert re.fullmatch(r"\S+ \S+  SAFETYAMP_TOKEN  fetched  keyvault  3f2c…    1      jobs.safetyamp", lines[2])
    assert [line.split()[2] for line in lines[1:]] == ["REDIS_PASSWORD", "SAFETYAMP_TOKEN"], "oldest first"
    assert "SMTP_PASSWORD" not in out, "longer ago than a day"
    rows = {row["name"]: row for row in data_of(run("secrets", "audit", "--hours", "100", "--json"))}
    assert set(rows) == {"SAFETYAMP_TOKEN", "REDIS_PASSWORD", "SMTP_PASSWORD"}
    assert rows["REDIS_PASSWORD"] == {
        "name": "REDIS_PASSWORD",
        "at_ns": now - 2 * 10**9,
        "outcome": "missing",
        "source": "",
        "version": "",
        "reader": "caches.redis",
        "count": 3,
    }
    assert [row["name"] for row in data_of(run("secrets", "audit", "--name", "redis-password", "--json"))] == (
        ["REDIS_PASSWORD"]
    )


def test_an_audit_without_accesses_says_so(run: Run) -> None:
    code, out, _ = run("secrets", "audit", "--hours", "0.5", "--name", "NOBODY_READ_IT")
    assert (code, out) == (0, "No secret was read in the last 0.5 hours, as far as this installation knows.\n")


def test_hours_are_more_than_none(run: Run) -> None:
    assert run("secrets", "audit", "--hours", "0")[0] == 2
