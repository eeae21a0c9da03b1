"""The settings of the Redis level."""

from __future__ import annotations

from busway.contracts.settings import Secret, Settings, setting

__all__ = ["RedisSettings"]


class RedisSettings(Settings):
    """Where the server is and how to be let in. ``REDIS_URL`` wins over all others but the time-out."""

    url: Secret | None = setting(
        None,
        env="REDIS_URL",
        doc="redis://, rediss:// or unix:// with host, port, database and credentials; a secret, as it may hold a "
        "password. It replaces the other settings but REDIS_TIMEOUT_MS.",
    )
    host: str = setting("localhost", env="REDIS_HOST", doc="Host name or address of the server.", min_length=1)
    port: int = setting(6379, env="REDIS_PORT", doc="Port of the server.", ge=1, le=65_535)
    db: int = setting(0, env="REDIS_DB", doc="Number of the database.", ge=0)
    username: str = setting("", env="REDIS_USERNAME", doc="User of the server's access control list, if it has one.")
    password: Secret | None = setting(None, env="REDIS_PASSWORD", doc="Password of the server or user.")
    tls: bool = setting(False, env="REDIS_TLS", doc="Speak TLS and check the server's certificate and name.")
    timeout_ms: int = setting(
        250,
        env="REDIS_TIMEOUT_MS",
        doc="Milliseconds to wait for a connection and for an answer; then the level counts as away.",
        ge=1,
        le=60_000,
    )
