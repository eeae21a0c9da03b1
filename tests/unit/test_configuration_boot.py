"""Stage 0: selection, state folder, BUSWAY_ names, and its cost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from busway.configuration import dotenv_file
from busway.configuration.boot import Boot, boot
from busway.configuration.dotenv_lines import ParsedLines, parse_lines
from busway.errors import ConfigurationError
from busway.plugins.selection import Pick


def boot_with(tmp_path: Path, toml: str = "", environ: Mapping[str, str] | None = None, *, safe: bool = False) -> Boot:
    if toml:
        (tmp_path / "busway.toml").write_text(toml)
    return boot(tmp_path, environ or {}, safe=safe)


def names(booted: Boot, kind: str) -> list[str]:
    return [pick.name for pick in booted.selection.of(kind)]


def codes(caught: pytest.ExceptionInfo[ConfigurationError]) -> list[str]:
    return [problem.code for problem in caught.value.problems]


def test_it_imports_neither_pydantic_nor_pluggy(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A='one'\nAZURE_KEY_VAULT_NAME=acme\n")
    program = (
        "import sys; from busway.configuration.boot import boot; "
        "print([p.name for p in boot(environ={}).selection.secrets]); "
        "print([m for m in ('pydantic', 'pydantic_core', 'pluggy', 'dotenv', 'difflib') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines() == ["['env', 'keyvault', 'dotenv']", "[]"]


def test_defaults(tmp_path: Path) -> None:
    booted = boot_with(tmp_path)
    chosen = {kind: names(booted, kind) for kind in ("secrets", "caches", "sinks", "validators", "jobs")}
    assert chosen == {
        "secrets": ["env", "dotenv"],
        "caches": ["memory"],
        "sinks": ["log", "ledger"],
        "validators": [],
        "jobs": [],
    }
    assert booted.selection.secrets[0] == Pick("env", origin="default")
    assert booted.state_dir == tmp_path / ".busway"


def test_a_kind_that_is_not_named_keeps_its_default(tmp_path: Path) -> None:
    booted = boot_with(tmp_path, '[plugins]\nsinks = []\njobs = ["safetyamp"]\n')
    assert names(booted, "sinks") == []
    assert names(booted, "caches") == ["memory"]


def test_places_of_picks_and_distributions(tmp_path: Path) -> None:
    booted = boot_with(tmp_path, '[plugins]\nsinks = [\n  "log",\n  "email@acme-mail",\n]\n')
    assert booted.selection.sinks == (
        Pick("log", required=False, origin="busway.toml:3"),
        Pick("email", "acme-mail", required=False, origin="busway.toml:4"),
    )


def test_the_environment_wins_and_an_empty_variable_does_not(tmp_path: Path) -> None:
    toml = '[plugins]\nsinks = ["log"]\ncaches = ["file"]\n'
    booted = boot_with(tmp_path, toml, {"BUSWAY_SINKS": " ledger , email@acme,", "BUSWAY_CACHES": ""})
    assert [(pick.name, pick.distribution, pick.origin) for pick in booted.selection.sinks] == [
        ("ledger", "", "BUSWAY_SINKS"),
        ("email", "acme", "BUSWAY_SINKS"),
    ]
    assert names(booted, "caches") == ["file"]


def test_policy_and_its_defaults(tmp_path: Path) -> None:
    toml = (
        '[plugins]\nsinks = ["log", "email"]\ncaches = ["memory", "redis"]\njobs = ["a"]\n'
        '[plugins.policy]\n"sinks.email" = "required"\ncaches.redis = "optional"\n'
    )
    selection = boot_with(tmp_path, toml).selection
    assert [pick.required for pick in selection.sinks] == [False, True]
    assert [pick.required for pick in selection.caches] == [True, False]
    assert [pick.required for pick in selection.jobs] == [True]


@pytest.mark.parametrize("name", ["AZURE_KEY_VAULT_NAME", "AZURE_KEY_VAULT_URL"])
def test_a_configured_vault_is_a_source_by_default(tmp_path: Path, name: str) -> None:
    assert names(boot_with(tmp_path, environ={name: "acme"}), "secrets") == ["env", "keyvault", "dotenv"]
    assert names(boot_with(tmp_path, f'[settings]\n{name} = "acme"\n'), "secrets") == ["env", "keyvault", "dotenv"]
    assert names(boot_with(tmp_path, '[plugins]\nsecrets = ["env"]\n', {name: "x"}), "secrets") == ["env"]


@pytest.mark.parametrize("name", ["AZURE_KEY_VAULT_NAME", "AZURE_KEY_VAULT_URL"])
def test_a_vault_configured_in_dotenv_is_a_source_by_default(tmp_path: Path, name: str) -> None:
    (tmp_path / ".env").write_text(f"A=1\nexport {name}='acme' # ours\n")
    assert names(boot_with(tmp_path), "secrets") == ["env", "keyvault", "dotenv"]
    assert names(boot_with(tmp_path, environ={name: ""}), "secrets") == ["env", "keyvault", "dotenv"]
    assert names(boot_with(tmp_path, safe=True), "secrets") == ["env", "dotenv"]
    assert names(boot_with(tmp_path, environ={"BUSWAY_SECRETS": "env,dotenv"}), "secrets") == ["env", "dotenv"]
    (tmp_path / "inner").mkdir()
    assert names(boot(tmp_path / "inner", {}), "secrets") == ["env", "dotenv"]
    assert names(boot_with(tmp_path, '[plugins]\nsecrets = ["env"]\n'), "secrets") == ["env"]


def test_the_dotenv_looked_at_is_the_one_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "busway.toml").write_text("")
    (tmp_path / ".env").write_text("AZURE_KEY_VAULT_NAME=acme\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / ".env").write_text("AZURE_KEY_VAULT_NAME=\n")
    assert names(boot(tmp_path / "inner", {}), "secrets") == ["env", "keyvault", "dotenv"]


@pytest.mark.parametrize(
    "content", [b"AZURE_KEY_VAULT_NAME=\n", b"#AZURE_KEY_VAULT_NAME=x\n", b"A=1\n", b"\xff", b"AZURE_KEY_VAULT_NAME"]
)
def test_a_dotenv_that_names_no_vault_or_is_broken_selects_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    assert names(boot_with(tmp_path), "secrets") == ["env", "dotenv"]


def test_an_unread_dotenv_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def noted(text: str) -> ParsedLines:
        parsed.append(text)
        return parse_lines(text)

    monkeypatch.setattr(dotenv_file, "parse_lines", noted)
    (tmp_path / ".env").write_text("A='\\''\n" * 100)
    boot_with(tmp_path)
    assert parsed == []
    (tmp_path / ".env").write_text("# AZURE_KEY_VAULT_URL\n")
    boot_with(tmp_path, environ={"AZURE_KEY_VAULT_NAME": "acme"})
    assert parsed == []
    boot_with(tmp_path)
    assert len(parsed) == 1


def test_safe_selects_built_ins_only(tmp_path: Path) -> None:
    toml = (
        '[plugins]\nsecrets = ["keyvault", "env"]\ncaches = ["redis"]\nsinks = ["email", "log", "ledger@acme"]\n'
        'jobs = ["x"]\n'
    )
    booted = boot_with(tmp_path, toml, safe=True)
    assert booted.safe
    assert names(booted, "secrets") == ["env"]
    assert names(booted, "caches") == ["memory"]
    assert names(booted, "sinks") == ["log"]
    assert names(booted, "jobs") == []


@pytest.mark.parametrize("listed", ['["log", "log"]', '["log", "log@busway"]', '["log", ""]', '["email@"]', '["@x"]'])
def test_lists_with_doubles_or_nameless_entries_are_refused(tmp_path: Path, listed: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        boot_with(tmp_path, f"[plugins]\nsinks = {listed}\n")
    assert codes(caught) == ["BW1102"]
    assert caught.value.problem.where == "busway.toml:2"


def test_doubles_in_the_environment_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        boot_with(tmp_path, environ={"BUSWAY_SINKS": "log,log"})
    assert caught.value.problem.where == "BUSWAY_SINKS"


def test_all_problems_come_together(tmp_path: Path) -> None:
    toml = '[plugin]\n[plugins]\nsinks = ["a", "a"]\n[settings]\nBUSWAY_STATE_DIR = 3\n'
    with pytest.raises(ConfigurationError) as caught:
        boot_with(tmp_path, toml, {"BUSWAY_SINK": "log"})
    assert sorted(codes(caught)) == ["BW1102", "BW1102", "BW1102", "BW1103"]


@pytest.mark.parametrize(
    ("environ", "toml", "expected"),
    [
        ({"BUSWAY_STATE_DIR": "/var/lib/x"}, '[settings]\nBUSWAY_STATE_DIR = "y"\n', "/var/lib/x"),
        ({"BUSWAY_STATE_DIR": ""}, '[settings]\nBUSWAY_STATE_DIR = "sub/y"\n', "sub/y"),
        ({"BUSWAY_STATE_DIR": "rel"}, "", "rel"),
    ],
)
def test_state_folder(tmp_path: Path, environ: dict[str, str], toml: str, expected: str) -> None:
    assert boot_with(tmp_path, toml, environ).state_dir == tmp_path / expected


def test_an_unusable_state_folder_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        boot_with(tmp_path, '[settings]\nBUSWAY_STATE_DIR = "a\\u0000b"\n')
    assert codes(caught) == ["BW1102"]


def test_an_unknown_name_of_ours_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        boot_with(tmp_path, environ={"BUSWAY_SINKZ": "canary", "BUSWAY_QQQQQQQQ": "1", "OTHER_SINKZ": "1"})
    assert codes(caught) == ["BW1103", "BW1103"]
    text = caught.value.render()
    assert "did you mean BUSWAY_SINKS?" in text
    assert "unset BUSWAY_QQQQQQQQ" in text
    assert "canary" not in text


def test_what_platforms_inject_is_only_noticed(tmp_path: Path) -> None:
    environ = {
        "BUSWAY_SERVICE_HOST": "10.0.0.1",
        "BUSWAY_SERVICE_PORT_HTTP": "80",
        "BUSWAY_PORT": "tcp://10.0.0.1:80",
        "BUSWAY_PORT_80_TCP_ADDR": "10.0.0.1",
        "BUSWAY_WEB_SERVICE_HOST": "10.0.0.2",
        "BUSWAY_WEB_PORT_80_TCP_PROTO": "tcp",
        "BUSWAY_WEB_PORT": "udp://10.0.0.2:80",
        "BUSWAY_DEBUG": "1",
    }
    booted = boot_with(tmp_path, environ=environ)
    assert len(booted.notices) == 7
    assert not any("10.0.0" in notice for notice in booted.notices)


def test_repr_shows_no_environment(tmp_path: Path) -> None:
    assert "canary" not in repr(boot_with(tmp_path, environ={"TOKEN": "canary"}))
