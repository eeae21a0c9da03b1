"""The health check of the file level."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from busway.contracts.health import HealthCheck, HealthResult
from busway.contracts.plugins import PluginContext
from busway.errors import BuswayError
from busway_cache_file.cache import FileCache
from busway_cache_file.settings import FileCacheSettings

__all__ = ["checks"]


def checks(context: PluginContext[FileCacheSettings]) -> Sequence[HealthCheck]:
    """``file.roundtrip``: seals an entry of its own, reads it back and removes it."""
    return [HealthCheck("file.roundtrip", lambda: _round_trip(FileCache.from_context(context)))]


def _round_trip(cache: FileCache) -> HealthResult:
    key, entry = f"health:{secrets.token_hex(8)}", secrets.token_bytes(32)
    try:
        cache.set(key, entry, 60)
        same = cache.get(key) == entry
        cache.delete(key)
    except BuswayError as error:
        problem = error.problem
        return HealthResult("failed", f"{problem.what}: {problem.why} ({problem.where})", problem.fix)
    finally:
        cache.close()
    if not same:
        return HealthResult("failed", f"an entry written to {cache.folder} does not come back", "check the file system")
    return HealthResult("ok", f"sealed files in {cache.folder}")
