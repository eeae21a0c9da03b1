"""The health check of the Redis level."""

from __future__ import annotations

from collections.abc import Sequence

from busway.contracts.health import HealthCheck, HealthResult
from busway.errors import BuswayError
from busway_cache_redis.cache import RedisCache
from busway_cache_redis.settings import RedisSettings

__all__ = ["checks"]


def checks(settings: RedisSettings) -> Sequence[HealthCheck]:
    """``redis.ping``: the server lets us in and answers in time."""
    return [HealthCheck("redis.ping", lambda: _ping(RedisCache(settings)), online=True)]


def _ping(cache: RedisCache) -> HealthResult:
    try:
        return HealthResult("ok", f"Redis at {cache.ping()} answers")
    except BuswayError as error:
        problem = error.problem
        return HealthResult("failed", f"{problem.what}: {problem.why}", problem.fix)
    finally:
        cache.close()
