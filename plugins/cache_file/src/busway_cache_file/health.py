"""The health check of the file level."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from busway.contracts.health import HealthCheck, HealthResult
from busway.contracts.plugins import PluginContext
from busway.errors import BuswayError
from busway_cache_file.cache import FileCache
from busway_cache_file.key import FileKey
from busway_cache_file.settings import FileCacheSettings

__all__ = ["checks"]


def checks(context: PluginContext[FileCacheSettings]) -> Sequence[HealthCheck]:
    """``file.roundtrip``: an entry can be sealed, written, read and removed. ``file.key``: only the owner reads it."""
    key = FileKey(context.settings.key, context.state_dir)
    return [
        HealthCheck("file.roundtrip", lambda: _round_trip(FileCache.from_context(context))),
        HealthCheck("file.key", lambda: _key_file(key.path)),
    ]


def _key_file(path: Path | None) -> HealthResult:
    if path is None:
        return HealthResult("ok", "the key is given by FILE_CACHE_KEY")
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return HealthResult("ok", f"no key yet; it is made as {path} when it is first needed")
    if mode & 0o077:
        return HealthResult("degraded", f"others can read {path}, which seals the file cache", f"chmod 600 {path}")
    return HealthResult("ok", f"the key in {path} is the owner's alone")


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
