"""The client: one per level, made at first use, with short time-outs and no retries of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from busway.errors import ConfigurationError
from busway_cache_redis.settings import RedisSettings

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["address_of", "connect"]


def connect(settings: RedisSettings) -> tuple[Redis, str]:
    """A client that has not connected yet, and the address of its server for people, without credentials.

    Raises ``ConfigurationError`` BW2011 for a URL that is none.
    """
    from redis import ConnectionPool, Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    target = _target(settings)
    seconds = settings.timeout_ms / 1000
    pool = ConnectionPool(
        **target,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        # The level's breaker decides when to try again. By default redis-py retries ten times: seconds for each call.
        retry=Retry(NoBackoff(), 0),
    )
    return Redis(connection_pool=pool), address_of(target)


def address_of(target: dict[str, Any]) -> str:
    """``host:port``, or the path of a socket."""
    return str(target.get("path") or f"{target.get('host', 'localhost')}:{target.get('port', 6379)}")


def _target(settings: RedisSettings) -> dict[str, Any]:
    if settings.url is not None:
        return _from_url(settings.url.get_secret_value().strip())
    target: dict[str, Any] = {"host": settings.host, "port": settings.port, "db": settings.db}
    if settings.username:
        target["username"] = settings.username
    if settings.password is not None:
        target["password"] = settings.password.get_secret_value()
    if settings.tls:
        from redis import SSLConnection

        target["connection_class"] = SSLConnection
    return target


def _from_url(url: str) -> dict[str, Any]:
    from redis.connection import parse_url

    try:
        parts = urlsplit(url)
        # Options after ? would be settings that no list of settings shows, and redis-py passes unknown ones over.
        target = {} if parts.query or parts.fragment else dict(parse_url(url))  # type: ignore[no-untyped-call]
    except ValueError:
        target = {}
    if "host" in target or "path" in target:
        return target
    # Outside the except clause: the parser's message may quote the URL, and with it a password.
    raise ConfigurationError(
        "BW2011",
        "REDIS_URL is not the address of a Redis server",
        where="setting REDIS_URL",
        why="it is written redis://[user:password@]host[:port][/database], rediss:// for TLS, without options",
        fix="encode special characters of the password with %, and set REDIS_TIMEOUT_MS for the time-out",
    )
