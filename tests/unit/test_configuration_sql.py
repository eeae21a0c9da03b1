"""The connection string: complete, quoted, always encrypted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.configuration_parts import open_config
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


@given(*[st.text(min_size=1)] * 4)
def test_no_value_can_add_or_change_a_keyword(server: str, database: str, user: str, password: str) -> None:
    text = build_sql_connection_string(
        SqlSettings(server=server, database=database, username=user, password=Secret(password), auth_mode="sql_auth")
    )
    assert parsed(text) == {
        "DRIVER": "ODBC Driver 18 for SQL Server",
        "SERVER": server,
        "DATABASE": database,
        "Encrypt": "yes",
        "TrustServerCertificate": "no",
        "UID": user,
        "PWD": password,
    }
