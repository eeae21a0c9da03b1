"""The ODBC connection string of a SQL Server."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from busway.configuration.core_settings import SqlSettings
from busway.errors import ConfigurationError, Problem

__all__ = ["build_sql_connection_string"]


def build_sql_connection_string(settings: SqlSettings) -> str:
    """The connection string for ``settings``, always encrypted. It may hold the password: do not log it.

    Every value is quoted, so that no host name or password can add a keyword of its own.

    Raises ``ConfigurationError`` BW1202 naming every setting that is missing for the way of signing in, and BW1208
    for each with a control character in it.
    """
    problems = [*_missing(settings), *_unusable(settings)]
    if problems:
        raise ConfigurationError.of(problems)
    trust = "yes" if settings.trust_server_certificate else "no"
    parts = [
        f"DRIVER={_quoted(settings.driver)}",
        f"SERVER={_quoted(settings.server)}",
        f"DATABASE={_quoted(settings.database)}",
        "Encrypt=yes",
        f"TrustServerCertificate={trust}",
        *_credentials(settings),
    ]
    return ";".join(parts) + ";"


def _credentials(settings: SqlSettings) -> Iterator[str]:
    if settings.username:
        yield f"UID={_quoted(settings.username)}"
    if settings.auth_mode == "managed_identity":
        yield "Authentication=ActiveDirectoryMSI"
    elif settings.password is not None:
        yield f"PWD={_quoted(settings.password.get_secret_value())}"


def _needed(settings: SqlSettings) -> dict[str, str]:
    """The settings that the way of signing in needs, with their values."""
    needed = {"SQL_SERVER": settings.server, "SQL_DATABASE": settings.database, "SQL_DRIVER": settings.driver}
    if settings.auth_mode == "sql_auth":
        password = settings.password.get_secret_value() if settings.password is not None else ""
        needed |= {"SQL_USERNAME": settings.username, "VISTA_SQL_PASSWORD": password}
    return needed


def _missing(settings: SqlSettings) -> Iterator[Problem]:
    for name, value in _needed(settings).items():
        if not value.strip():
            why = f"the connection needs it with SQL_AUTH_MODE={settings.auth_mode}"
            fix = f"export {name}=...\nsee where it may live: busway config explain {name}"
            yield Problem("BW1202", f"{name} is not set", "SQL Server connection", why, fix)


def _unusable(settings: SqlSettings) -> Iterator[Problem]:
    """Values with control characters: drivers cut a string at NUL, and read line ends each in its own way."""
    for name, value in {"SQL_USERNAME": settings.username, **_needed(settings)}.items():
        if any(unicodedata.category(character) == "Cc" for character in value):
            what = f"{name} has a control character in it"
            why = "a NUL, tab or line end is not safe in a connection string; often one was copied along at the end"
            fix = f"set it without; see where it comes from: busway config explain {name}"
            yield Problem("BW1208", what, "SQL Server connection", why, fix)


def _quoted(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}"
