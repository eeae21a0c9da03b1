"""Cached data in sealed files, a cache level for Busway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from busway.contracts.health import HealthCheck
from busway.contracts.plugins import PluginContext
from busway.hookspecs import hookimpl

if TYPE_CHECKING:
    from busway_cache_file.cache import FileCache
    from busway_cache_file.settings import FileCacheSettings

__version__ = "0.1.0"


@hookimpl
def busway_settings() -> type[FileCacheSettings]:
    """The settings of this level."""
    from busway_cache_file.settings import FileCacheSettings

    return FileCacheSettings


@hookimpl
def busway_cache_backend(context: PluginContext[FileCacheSettings]) -> FileCache:
    """Builds the level; folder and key are first touched when there is something to read or write."""
    from busway_cache_file.cache import FileCache

    return FileCache.from_context(context)


@hookimpl
def busway_health_checks(context: PluginContext[FileCacheSettings]) -> Sequence[HealthCheck]:
    """One check: an entry can be sealed, written, read and removed."""
    from busway_cache_file.health import checks

    return checks(context)
