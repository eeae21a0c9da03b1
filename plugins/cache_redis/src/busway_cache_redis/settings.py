"""The settings of the Redis level."""

from __future__ import annotations

from pathlib import Path

from busway.contracts.settings import Secret, Settings, setting

__all__ = ["RedisSettings"]


class RedisSettings(Settings):
    """Where the server is and how to be let in. ``REDIS_URL`` wins over host, port, database, credentials and TLS."""

    url: Secret | None = setting(
        None,
        env="REDIS_URL",
        doc="redis://, rediss:// or unix:// with host, port, database and credentials; a secret, as it may hold a "
        "password. It replaces REDIS_HOST, REDIS_PORT, REDIS_DB, REDIS_USERNAME, REDIS_PASSWORD and REDIS_TLS.",
    )
    host: str = setting("localhost", env="REDIS_HOST", doc="Host name or address of the server.", min_length=1)
    port: int = setting(6379, env="REDIS_PORT", doc="Port of the server.", ge=1, le=65_535)
    db: int = setting(0, env="REDIS_DB", doc="Number of the database.", ge=0)
    username: str = setting("", env="REDIS_USERNAME", doc="User of the server's access control list, if it has one.")
    password: Secret | None = setting(None, env="REDIS_PASSWORD", doc="Password of the server or user.")
    tls: bool = setting(False, env="REDIS_TLS", doc="Speak TLS and check the server's certificate and name.")
    ca_file: Path | None = setting(
        None,
        env="REDIS_CA_FILE",
        doc="PEM file of the authorities that may have signed the server's certificate, in place of the system's.",
    )
    timeout_ms: int = setting(
        250,
        env="REDIS_TIMEOUT_MS",
        doc="Milliseconds to wait for a connection and for an answer; then the level counts as away.",
        ge=1,
        le=60_000,
    )
    max_connections: int = setting(
        32,
        env="REDIS_MAX_CONNECTIONS",
        doc="Most connections of one process, the one that listens not counted.",
        ge=1,
        le=10_000,
    )
