"""The core's own settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from busway.contracts.settings import Secret, Settings, setting

__all__ = ["CoreSettings", "SecretSettings", "SqlSettings"]


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


class CoreSettings(Settings, defer_build=True):
    """What every deployment has."""

    environment: Annotated[Literal["dev", "staging", "production"], BeforeValidator(_lower)] = setting(
        "production", env="ENV", doc="What kind of deployment this is: dev, staging or production."
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)] = setting(
        "INFO", env="LOG_LEVEL", doc="The least severe events that the log sink writes."
    )
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_lower)] = setting(
        "json", env="LOG_FORMAT", doc="How the log sink writes: text for people, json for machines."
    )
    log_file: str = setting(
        "",
        env="LOG_FILE",
        doc="Where the log sink writes: a path, '-' for stderr; empty for audit.log in the state folder.",
    )
    state_dir: str = setting(
        ".busway",
        env="BUSWAY_STATE_DIR",
        doc="Folder for durable state, relative to the folder of busway.toml. It is not read from .env.",
    )


class SecretSettings(Settings, defer_build=True):
    """How secrets are remembered, and for how long an outage of their source is bridged."""

    ttl_seconds: float = setting(
        600.0,
        env="SECRET_TTL_SECONDS",
        doc="How long a secret is used before its source is asked again, in seconds.",
        ge=1,
        allow_inf_nan=False,
    )
    stale_seconds: float = setting(
        3600.0,
        env="SECRET_STALE_SECONDS",
        doc="How long after that the value read before may serve while its source is unreachable, in seconds; 0 = not.",
        ge=0,
        allow_inf_nan=False,
    )
    budget_seconds: float = setting(
        3.0,
        env="SECRET_BUDGET_SECONDS",
        doc="How long one question to a secret source may take in all, in seconds.",
        gt=0,
        le=300,
        allow_inf_nan=False,
    )
    grace_seconds: float = setting(
        3600.0,
        env="SECRET_GRACE_SECONDS",
        doc="How long a value that rotation replaced is still masked in logs and events, in seconds.",
        ge=0,
        allow_inf_nan=False,
    )


class SqlSettings(Settings, defer_build=True):
    """The SQL Server that ``build_sql_connection_string()`` describes."""

    server: str = setting("", env="SQL_SERVER", vaulted=True, doc="Host of the SQL Server, with ',port' if needed.")
    database: str = setting("", env="SQL_DATABASE", vaulted=True, doc="Name of the database.")
    username: str = setting(
        "",
        env="SQL_USERNAME",
        vaulted=True,
        doc="User for sql_auth; for managed_identity the client id of a user-assigned identity, or empty.",
    )
    password: Secret | None = setting(None, env="VISTA_SQL_PASSWORD", doc="Password for sql_auth.")
    driver: str = setting("ODBC Driver 18 for SQL Server", env="SQL_DRIVER", doc="Name of the installed ODBC driver.")
    auth_mode: Annotated[Literal["managed_identity", "sql_auth"], BeforeValidator(_lower)] = setting(
        "managed_identity", env="SQL_AUTH_MODE", doc="How to sign in: managed_identity or sql_auth."
    )
    trust_server_certificate: bool = setting(
        False,
        env="SQL_TRUST_SERVER_CERTIFICATE",
        doc="Accept a certificate that no known authority signed. Traffic is encrypted either way.",
    )
