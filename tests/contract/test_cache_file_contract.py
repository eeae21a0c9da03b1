"""The file level keeps the contract of cache backends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders.manual_clock import ManualClock
from busway.contracts.caches import CacheBackend
from busway.testing.caches import CacheBackendContract
from busway_cache_file.cache import FileCache
from busway_cache_file.key import FileKey


class TestFileCache(CacheBackendContract):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def backend(self, tmp_path: Path, clock: ManualClock) -> Iterator[CacheBackend]:
        cache = FileCache(tmp_path / "cache", FileKey(None, tmp_path), clock=clock)
        yield cache
        cache.close()

    @pytest.fixture
    def elapse(self, clock: ManualClock) -> Callable[[float], None]:
        return clock.advance
