"""The health check of the Redis level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from busway.contracts.health import HealthCheck, HealthResult
from busway.contracts.plugins import PluginContext
from busway.errors import BuswayError
from busway_cache_redis.client import Client
from busway_cache_redis.settings import RedisSettings

__all__ = ["checks"]

OLDEST = 5


def checks(context: PluginContext[RedisSettings]) -> Sequence[HealthCheck]:
    """``redis.ping``: the server lets us in, answers in time, can be written to and forgets what it should."""
    return [HealthCheck("redis.ping", lambda: _ping(Client(context.settings, context.root)), online=True)]


def _ping(client: Client) -> HealthResult:
    try:
        answer = client.read(b"PING")
        if answer != b"PONG":
            return HealthResult("failed", f"{client.address} does not answer as Redis does", "busway explain BW2028")
        return _judged(str(client.address), _info(client))
    except BuswayError as error:
        problem = error.problem
        return HealthResult("failed", f"{problem.what}: {problem.why}", problem.fix)
    finally:
        client.close()


def _info(client: Client) -> dict[str, str]:
    try:
        raw = client.read(b"INFO")
    except BuswayError as error:
        if error.code != "BW2027":
            raise
        return {}  # a user who may not ask for it: the server serves all the same
    lines = raw.decode("utf-8", "replace").splitlines() if isinstance(raw, bytes) else []
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _judged(where: str, info: dict[str, Any]) -> HealthResult:
    version = info.get("redis_version", "")
    name = f"Redis {version} at {where}" if version else f"Redis at {where}"
    major = version.partition(".")[0]
    if major.isdigit() and int(major) < OLDEST:
        return HealthResult("degraded", f"{name} is too old", f"run Redis {OLDEST} or later")
    if info.get("role", "master") != "master":
        return HealthResult(
            "degraded", f"{name} is a read-only replica", "let REDIS_HOST, or REDIS_URL, name the primary"
        )
    policy = info.get("maxmemory_policy", "")
    if policy == "noeviction" and info.get("maxmemory", "0") != "0":
        return HealthResult("degraded", f"{name} refuses writes when its memory is full", _evict())
    if policy.startswith("allkeys-"):
        return HealthResult("degraded", f"{name} may forget leases and quotas when its memory is full", _evict())
    return HealthResult("ok", f"{name} answers")


def _evict() -> str:
    return "redis-cli CONFIG SET maxmemory-policy volatile-lru"
