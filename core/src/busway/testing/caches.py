"""Proof that a cache backend keeps its contract: subclass it, hand in your backend, run pytest.

    from busway.testing import CacheBackendContract

    class TestShelfCache(CacheBackendContract):
        @pytest.fixture
        def backend(self, tmp_path): return ShelfCache(tmp_path)

``elapse`` lets time pass; override it when the clock is handed in, so that no check really waits. Optional fixtures:
``other`` (a second instance over the same server), ``unreachable`` and ``recover``, ``corrupt``, ``build``.
Checks of locks, generation stamps and messages run for backends that have them.
"""

from __future__ import annotations

from busway.testing.cache_entries import EntryChecks, KeyChecks
from busway.testing.cache_locks import LockChecks
from busway.testing.cache_messages import MessageChecks
from busway.testing.cache_outages import OutageChecks
from busway.testing.cache_scans import ScanChecks
from busway.testing.cache_stamps import StampChecks
from busway.testing.cache_threads import ThreadChecks
from busway.testing.cache_times import TimeChecks
from busway.testing.fake_caches import FakeCache, FakeCacheServer, FakeSharedCache

__all__ = ["CacheBackendContract", "FakeCache", "FakeCacheServer", "FakeSharedCache"]


class CacheBackendContract(
    EntryChecks, KeyChecks, TimeChecks, ScanChecks, ThreadChecks, LockChecks, StampChecks, MessageChecks, OutageChecks
):
    """What every cache backend must do, a check for each promise. Subclass it under a name that pytest collects.

    A level inside the process, which stores entries, overrides ``value`` as well.
    """
