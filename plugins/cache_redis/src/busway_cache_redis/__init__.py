"""Cached data in Redis, a cache level for Busway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from busway.contracts.health import HealthCheck
from busway.contracts.plugins import PluginContext
from busway.hookspecs import hookimpl

if TYPE_CHECKING:
    from busway_cache_redis.cache import RedisCache
    from busway_cache_redis.settings import RedisSettings

__version__ = "0.1.0"


@hookimpl
def busway_settings() -> type[RedisSettings]:
    """The settings of this level."""
    from busway_cache_redis.settings import RedisSettings

    return RedisSettings


@hookimpl
def busway_cache_backend(context: PluginContext[RedisSettings]) -> RedisCache:
    """Builds the level; the server is first talked to when there is something to read or write."""
    from busway_cache_redis.cache import RedisCache

    return RedisCache(context.settings, context.app, context.root)


@hookimpl
def busway_health_checks(context: PluginContext[RedisSettings]) -> Sequence[HealthCheck]:
    """One online check: the server answers in time, can be written to and forgets what it should."""
    from busway_cache_redis.health import checks

    return checks(context)
