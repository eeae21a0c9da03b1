"""The connection string: complete, quoted, always encrypted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.configuration_parts import Vault, open_config
from builders.manual_clock import ManualClock
from busway.configuration.core_settings import SqlSettings
from busway.configuration.sql import build_sql_connection_string
from busway.contracts.settings import Secret
from busway.errors import ConfigurationError

BASE = {"SQL_SERVER": "sql.example.test,1433", "SQL_DATABASE": "Viewpoint"}
_PAIR = re.compile(r"([A-Za-z]+)=(?:\{((?:[^}]|\}\})*)\}|([^;{]*));")


def parsed(text: str) -> dict[str, str]:
    """What a driver reads: braces end only at a single ``}``."""
    pairs: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _PAIR.match(text, at)
        assert match is not None, text[at:]
        assert match[1] not in pairs
        pairs[match[1]] = match[3] if match[2] is None else match[2].replace("}}", "}")
        at = match.end()
    return pairs


def test_managed_identity(tmp_path: Path) -> None:
    config = open_config(tmp_path, BASE)
    assert config.build_sql_connection_string() == (
        "DRIVER={ODBC Driver 18 for SQL Server};SERVER={sql.example.test,1433};DATABASE={Viewpoint};"
        "Encrypt=yes;TrustServerCertificate=no;Authentication=ActiveDirectoryMSI;"
    )


def test_user_and_password(tmp_path: Path) -> None:
    environ = BASE | {
        "SQL_AUTH_MODE": "SQL_AUTH",
        "SQL_USERNAME": "svc",
        "VISTA_SQL_PASSWORD": "p}w;Encrypt=no",
        "SQL_TRUST_SERVER_CERTIFICATE": "true",
    }
    text = open_config(tmp_path, environ).build_sql_connection_string()
    assert "UID={svc};PWD={p}}w;Encrypt=no};" in text
    assert parsed(text)["TrustServerCertificate"] == "yes"


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, ["SQL_SERVER", "SQL_DATABASE"]),
        (BASE | {"SQL_AUTH_MODE": "sql_auth"}, ["SQL_USERNAME", "VISTA_SQL_PASSWORD"]),
        ({"SQL_SERVER": "s", "SQL_AUTH_MODE": "sql_auth", "SQL_USERNAME": "u"}, ["SQL_DATABASE", "VISTA_SQL_PASSWORD"]),
    ],
)
def test_everything_missing_is_named(tmp_path: Path, environ: dict[str, str], missing: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_config(tmp_path, environ).build_sql_connection_string()
    assert [problem.code for problem in caught.value.problems] == ["BW1202"] * len(missing)
    assert [problem.what.split()[0] for problem in caught.value.problems] == missing


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(str.strip)
KEYWORDS = st.sampled_from(["};PWD={x", "a;Encrypt=no", "}}", "{", "=", ";", "x} ;Trusted_Connection=yes;", "'\""])


@given(*[st.builds("".join, st.lists(TEXT | KEYWORDS, min_size=1, max_size=4))] * 5)
def test_no_value_can_add_or_change_a_keyword(
    server: str, database: str, user: str, password: str, driver: str
) -> None:
    text = build_sql_connection_string(
        SqlSettings(
            server=server,
            database=database,
            username=user,
            password=Secret(password),
            driver=driver,
            auth_mode="sql_auth",
        )
    )
    assert parsed(text) == {
        "DRIVER": driver,
        "SERVER": server,
        "DATABASE": database,
        "Encrypt": "yes",
        "TrustServerCertificate": "no",
        "UID": user,
        "PWD": password,
    }


@pytest.mark.parametrize("character", ["\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\x9f"])
@pytest.mark.parametrize("name", ["SQL_SERVER", "SQL_DATABASE", "SQL_USERNAME", "VISTA_SQL_PASSWORD", "SQL_DRIVER"])
def test_control_characters_are_refused_and_not_shown(tmp_path: Path, name: str, character: str) -> None:
    environ = BASE | {"SQL_AUTH_MODE": "sql_auth", "SQL_USERNAME": "svc", "VISTA_SQL_PASSWORD": "synthetic-pass"}
    environ[name] = f"canary{character}value"
    with pytest.raises(ConfigurationError) as caught:
        open_config(tmp_path, environ).build_sql_connection_string()
    assert [problem.code for problem in caught.value.problems] == ["BW1208"]
    assert name in caught.value.problem.what
    assert "canary" not in caught.value.render() + str(caught.value) + repr(vars(caught.value))


def test_a_control_character_in_the_name_of_a_managed_identity_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="BW1208: SQL_USERNAME"):
        open_config(tmp_path, BASE | {"SQL_USERNAME": "client\nid"}).build_sql_connection_string()


@pytest.mark.parametrize("name", ["SQL_SERVER", "VISTA_SQL_PASSWORD"])
def test_blanks_are_not_a_value(tmp_path: Path, name: str) -> None:
    environ = BASE | {"SQL_AUTH_MODE": "sql_auth", "SQL_USERNAME": "svc", "VISTA_SQL_PASSWORD": "synthetic-pass"}
    with pytest.raises(ConfigurationError, match=f"BW1202: {name}"):
        open_config(tmp_path, environ | {name: "   "}).build_sql_connection_string()


def test_the_finished_string_is_a_secret_that_is_retired_with_its_password(tmp_path: Path) -> None:
    environ = BASE | {"SQL_AUTH_MODE": "sql_auth", "SQL_USERNAME": "svc"}
    vault, clock = Vault({"VISTA_SQL_PASSWORD": "synthetic-pass-1"}), ManualClock()
    config = open_config(tmp_path, environ, vault=vault, clock=clock)
    heard: list[str] = []
    retired: list[str] = []
    config.watch_secrets(heard.append, retired.append)
    first = config.build_sql_connection_string()
    assert first in heard
    vault.values["VISTA_SQL_PASSWORD"] = "synthetic-pass-2"
    config.get_secret("VISTA_SQL_PASSWORD", refresh=True)
    second = config.build_sql_connection_string()
    assert second in config.secret_values()
    clock.advance(3601)
    assert first not in config.secret_values()
    assert sorted(retired) == sorted(["synthetic-pass-1", first])
