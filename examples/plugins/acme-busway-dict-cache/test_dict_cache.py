from __future__ import annotations

import pytest

from acme_busway_dict_cache import DictCache
from busway.contracts.clock import SystemClock
from busway.testing import CacheBackendContract


class TestDictCache(CacheBackendContract):
    @pytest.fixture
    def backend(self) -> DictCache:
        return DictCache(max_entries=10_000, clock=SystemClock())


def test_the_oldest_entry_makes_room() -> None:
    cache = DictCache(max_entries=2, clock=SystemClock())
    for key in ("a", "b", "c"):
        cache.set(key, b"1", 60)
    assert sorted(cache.scan("*")) == ["b", "c"]
