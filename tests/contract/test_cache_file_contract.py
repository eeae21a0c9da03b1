"""The file level keeps the contract of cache backends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders.manual_clock import ManualClock
from busway.contracts.caches import CacheBackend
from busway.testing import CacheBackendContract
from busway_cache_file.cache import FileCache
from busway_cache_file.key import FileKey
from busway_cache_file.ring import Ring


class TestFileCache(CacheBackendContract):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def make(self, tmp_path: Path, clock: ManualClock) -> Iterator[Callable[[str], FileCache]]:
        made = []

        def make(folder: str) -> FileCache:
            made.append(FileCache(tmp_path / folder, FileKey(None, tmp_path), clock=clock))
            return made[-1]

        yield make
        for cache in made:
            cache.close()

    @pytest.fixture
    def backend(self, make: Callable[[str], FileCache]) -> CacheBackend:
        return make("cache")

    @pytest.fixture
    def other(self, make: Callable[[str], FileCache]) -> CacheBackend:
        return make("cache")

    @pytest.fixture
    def elapse(self, clock: ManualClock) -> Callable[[float], None]:
        return clock.advance

    @pytest.fixture
    def unreachable(self, tmp_path: Path, make: Callable[[str], FileCache]) -> CacheBackend:
        (tmp_path / "taken").write_text("in the way")
        return make("taken")

    @pytest.fixture
    def recover(self, tmp_path: Path) -> Callable[[], object]:
        return (tmp_path / "taken").unlink

    @pytest.fixture
    def build(self, tmp_path: Path, make: Callable[[str], FileCache]) -> Callable[[], CacheBackend]:
        (tmp_path / "taken").write_text("in the way")
        return lambda: make("taken")

    @pytest.fixture
    def corrupt(self, tmp_path: Path) -> Callable[[str, bytes], object]:
        def corrupt(key: str, garbage: bytes) -> None:
            (place,) = Ring(FileKey(None, tmp_path).get(), tmp_path / "cache").places(key)
            Path(place.path).write_bytes(garbage)

        return corrupt
