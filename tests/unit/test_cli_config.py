"""``busway config``: what an operator reads, on a terminal and elsewhere, and what a program reads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from builders.json_schema import refusals
from busway.cli import config_view
from busway.cli.main import main
from busway.configuration.explanation import Explanation, Place
from busway.errors import Problem

TOML = """\
app = "people"
[plugins]
caches = ["memory", "redis"]
[settings]
ENV = "dev"
REDIS_HOST = "redis.internal"
REDIS_PORT = 6380
"""
CANARY = "c4n4ry-5ecret-Value-0x7f"

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


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the view believe in a terminal of so many columns."""

    def of(columns: int) -> None:
        monkeypatch.setattr(config_view, "width", lambda: columns)

    return of


def data_of(answer: tuple[int, str, str]) -> Any:
    envelope = json.loads(answer[1])
    assert envelope["ok"] is (answer[0] == 0)
    return envelope["data"]


# -- explain


def test_one_setting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PORT", "7000")
    code, out, _ = run("config", "explain", "REDIS_PORT")
    assert code == 0
    assert out == (
        "REDIS_PORT   = 7000 (plain, int)   owner busway-cache-redis   default 6379\n"
        "  wins      env        environment variable REDIS_PORT\n"
        "  shadowed  toml       busway.toml:7\n"
        "  not set   dotenv     .env\n"
        "  about     Port of the server.\n"
    )


def test_several_settings_stand_apart_and_may_be_written_as_in_a_vault(run: Run) -> None:
    _, out, _ = run("config", "explain", "redis-port", "REDIS_HOST", "REDIS_PORT")
    blocks = out.strip().split("\n\n")
    assert [block.partition(" ")[0] for block in blocks] == ["REDIS_PORT", "REDIS_HOST"]


def test_every_name_that_is_none_is_told_at_once(run: Run) -> None:
    code, out, err = run("config", "explain", "REDIS_HOTS", "REDIS_PORT", "QQQQ")
    assert (code, out) == (2, "")
    assert "there is no setting 'REDIS_HOTS'" in err
    assert "did you mean REDIS_HOST?" in err
    assert "there is no setting 'QQQQ'" in err


@pytest.mark.parametrize("arguments", [(), ("REDIS_HOST", "--all")])
def test_names_or_all(run: Run, arguments: tuple[str, ...]) -> None:
    code, _, err = run("config", "explain", *arguments)
    assert code == 2
    assert "BW1004" in err


def test_all_explains_every_setting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", CANARY)
    data = data_of(run("config", "explain", "--all", "--json"))
    assert [one["name"] for one in data] == sorted(one["name"] for one in data)
    by_name = {one["name"]: one for one in data}
    assert by_name["REDIS_PASSWORD"]["length"] == "16 to 39"
    assert by_name["REDIS_HOST"]["winner"]["place"] == "busway.toml:6"
    _, out, _ = run("config", "explain", "--all")
    assert len(out.strip().split("\n\n")) == len(data)


def test_one_name_is_an_object_and_several_are_a_list(run: Run) -> None:
    assert data_of(run("config", "explain", "ENV", "--json"))["name"] == "ENV"
    assert [one["name"] for one in data_of(run("config", "explain", "ENV", "REDIS_DB", "--json"))] == [
        "ENV",
        "REDIS_DB",
    ]


def test_a_page_fits_its_terminal(terminal: Callable[[int], None], capsys: pytest.CaptureFixture[str]) -> None:
    terminal(72)
    explanation = Explanation(
        name="ACME_TOKEN",
        setting_class="secret",
        owner="acme-busway-with-a-long-name",
        type="Secret",
        required=True,
        default=None,
        doc="The token of the service, which its owner gives out in the portal under keys and never again after that.",
        is_set=False,
        failed=(Place("keyvault", "https://acme.vault.example ACME-TOKEN", note="BW1406: the vault does not answer"),),
        not_set=(Place("env", "environment variable ACME_TOKEN"),),
        problem=Problem("BW1406", "it does not answer", "https://acme.vault.example", "why " * 30, "x" * 90),
    )
    config_view.print_explanations([explanation])
    assert capsys.readouterr().out == (
        "ACME_TOKEN   not known (secret)   owner acme-busway-with-a-long-name\n"
        "  required\n"
        "  failed    keyvault   https://acme.vault.example ACME-TOKEN  BW1406:\n"
        "                       the vault does not answer\n"
        "  not set   env        environment variable ACME_TOKEN\n"
        "  about     The token of the service, which its owner gives out in the\n"
        "            portal under keys and never again after that.\n"
        "error[BW1406]: it does not answer\n"
        "  where https://acme.vault.example\n"
        "  why   " + " ".join(["why"] * 16) + "\n"
        "        " + " ".join(["why"] * 14) + "\n"
        "  fix   " + "x" * 90 + "\n"
    ), "a fix is there to be pasted: it is never broken"


def test_colours_are_for_terminals(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place("env", "environment variable A")
    explanation = Explanation("A", "plain", "acme", "str", False, None, "", True, "x", winner=place, shadowed=(place,))
    config_view.print_explanations([explanation])
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setattr(click.utils, "should_strip_ansi", lambda *_: False)
    config_view.print_explanations([explanation])
    coloured = capsys.readouterr().out
    assert "\x1b[32mwins" in coloured
    assert "\x1b[1mA\x1b[0m" in coloured
    assert click.unstyle(coloured) == explanation.render() + "\n"


# -- status


def test_the_status_is_a_table_by_owner(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", CANARY)
    code, out, _ = run("config", "status")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["SETTING", "VALUE", "FROM", "PLACE"]
    verdict = f"configuration: valid, 4 of {len([one for one in lines if one.startswith('  ')]) - 1} settings are set"
    assert [line for line in lines if line and line[0] != " "] == ["busway", "busway-cache-redis", verdict]
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.startswith("  ")}
    assert rows["REDIS_HOST"] == ["redis.internal", "toml", "busway.toml:6"]
    assert rows["REDIS_DB"] == ["0", "default"]
    assert rows["REDIS_USERNAME"] == ["-", "default"]
    assert rows["REDIS_PASSWORD"] == ["set", "(16", "to", "39", "characters)", "env"]


def test_a_long_value_is_cut_on_a_terminal_only(
    run: Run, terminal: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_USERNAME", "n" * 90)
    assert "n" * 90 in run("config", "status")[1]
    terminal(100)
    out = run("config", "status")[1]
    assert "n…" in out
    assert max(map(len, out.splitlines())) <= 100


def test_the_status_says_what_is_missing_wrong_or_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"set": False, "source": None, "place": "", "class": "plain", "owner": "acme", "valid": False, "value": None}
    rows = [
        {**row, "name": "A", "required": True},
        {**row, "name": "B", "required": False, "set": True, "source": "env", "place": "environment variable B"},
        {**row, "name": "C", "required": True},
        {**row, "name": "D", "required": False, "valid": True, "value": ["x", "y"], "set": True, "source": "toml"},
        {**row, "name": "D_E", "required": False, "set": True, "source": "vault", "place": "https://a.test D-E"},
        {**row, "name": "E", "required": False, "valid": True, "value": "two\nlines", "source": "default"},
    ]
    config_view.print_settings(rows, ["C"])
    lines = capsys.readouterr().out.splitlines()[2:]
    assert lines == [
        "  A    missing     -",
        "  B    not valid   env",
        "  C    not known   -",
        '  D    ["x", "y"]  toml',
        "  D_E  not valid   vault    https://a.test",
        "  E    two lines   default",
    ]


# -- check


def test_a_check_without_findings_is_one_line(run: Run) -> None:
    code, out, err = run("config", "check")
    assert (code, err) == (0, "")
    assert out.startswith("configuration: valid, ")
    assert out.endswith("settings and secrets looked for in env, dotenv, toml\n")
    assert out.count("\n") == 1


def test_a_check_tells_everything_at_once_with_a_misspelt_variable_of_the_core(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUSWAY_SINK", "log")
    monkeypatch.setenv("REDIS_PORT", "many")
    monkeypatch.setenv("REDIS_PASS", CANARY)
    with (tmp_path / "busway.toml").open("a") as file:
        file.write("REDIS_HOTS = 1\nREDIS_DB = true\n")
    code, out, _ = run("config", "check")
    assert code == 3
    for told in (
        "error[BW1103]: unknown environment variable BUSWAY_SINK",
        "did you mean BUSWAY_SINKS?",
        "error[BW1108]: the value of REDIS_PORT is not valid",
        "error[BW1102]: unknown key 'REDIS_HOTS' under [settings]",
        "where busway.toml:8",
        "warning[BW1111]: REDIS_PASS is set, and nobody reads it",
    ):
        assert out.count(told) == 1, out
    data = data_of(run("config", "check", "--json"))
    assert data["exit_code"] == 3
    assert [one["code"] for one in data["warnings"]] == ["BW1111"]
    assert {one["code"] for one in data["problems"]} == {"BW1102", "BW1103", "BW1108"}
    assert data["sources"] == ["env", "dotenv", "toml"]


def test_what_stops_the_start_stops_the_check(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSWAY_SINK", "log")
    (tmp_path / "busway.toml").write_text("[plugns]\n")
    code, _, err = run("config", "check")
    assert code == 3
    assert "BW1102" in err
    assert "BW1103" in err


def test_a_required_plugin_that_is_not_there_is_a_problem(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSWAY_CACHES", "memory,rediss")
    code, out, _ = run("config", "check")
    assert code == 3
    assert "error[BW1301]" in out


def test_tables_of_jobs_are_checked_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "busway.toml").write_text(TOML + "[sync.employes]\nmax_creates = 1\n")
    code, out, _ = run("config", "check")
    assert code == 3
    assert "error[BW4010]" in out
    (tmp_path / "busway.toml").write_text(TOML + '[data.vista]\nttl = "soon"\n')
    code, out, _ = run("config", "check")
    assert code == 3
    assert "error[BW2002]" in out
    validation = data_of(run("config", "status", "--json"))["validation"]
    assert (validation["is_valid"], validation["exit_code"]) == (False, 3)
    assert [one["code"] for one in validation["problems"]] == ["BW2002"]


def test_keys_of_the_engine_are_no_jobs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "busway.toml").write_text('[settings]\nENV = "dev"\n[sync]\nparallel_jobs = 2\n')
    for command in ("status", "check"):
        assert run("config", command)[0] == 0
    (tmp_path / "busway.toml").write_text('[settings]\nENV = "dev"\n[sync]\nparallel_jobs = 0\n')
    for command in ("status", "check"):
        code, out, _ = run("config", command)
        assert (code, "BW4011" in out, "busway.toml:4" in out) == (3, True, True)


# -- schema and example


def test_the_schema_is_plain_json_for_editors(run: Run) -> None:
    _, out, _ = run("config", "schema")
    schema = json.loads(out)
    assert schema["$schema"].endswith("2020-12/schema")
    assert "REDIS_TLS" in schema["$defs"]["settings"]["properties"]
    assert "SAFETYAMP_TOKEN" not in schema["$defs"]["settings"]["properties"], "of the plugins selected"
    offered = schema["properties"]["plugins"]["properties"]["caches"]["items"]["anyOf"][0]["enum"]
    assert {"memory", "redis", "file"} <= set(offered), "of the plugins installed"
    assert refusals(schema, {"sync": {"x": {"max_creats": 1}}}) != []
    assert data_of(run("config", "schema", "--json")) == schema


def test_the_example_is_the_file(run: Run, tmp_path: Path) -> None:
    _, out, _ = run("config", "env-example")
    assert data_of(run("config", "env-example", "--json"))["text"].rstrip() == out.rstrip()
    (tmp_path / ".env").write_text(out)
    assert run("config", "check")[0] == 0
