"""The ODBC connection string of a SQL Server."""

from __future__ import annotations

from collections.abc import Iterator

from busway.configuration.core_settings import SqlSettings
from busway.contracts.settings import Secret
from busway.errors import ConfigurationError, Problem

__all__ = ["build_sql_connection_string"]


def build_sql_connection_string(settings: SqlSettings) -> str:
    """The connection string for ``settings``, always encrypted. It may hold the password: do not log it.

    Every value is quoted, so that no host name or password can add a keyword of its own.

    Raises ``ConfigurationError`` BW1202 naming every setting that is missing for the way of signing in.
    """
    problems = list(_missing(settings))
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


def _missing(settings: SqlSettings) -> Iterator[Problem]:
    needed: dict[str, str | Secret | None] = {
        "SQL_SERVER": settings.server,
        "SQL_DATABASE": settings.database,
        "SQL_DRIVER": settings.driver,
    }
    if settings.auth_mode == "sql_auth":
        needed |= {"SQL_USERNAME": settings.username, "VISTA_SQL_PASSWORD": settings.password}
    for name, value in needed.items():
        if not value:
            why = f"the connection needs it with SQL_AUTH_MODE={settings.auth_mode}"
            fix = f"export {name}=...\nsee where it may live: busway config explain {name}"
            yield Problem("BW1202", f"{name} is not set", "SQL Server connection", why, fix)


def _quoted(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}"
