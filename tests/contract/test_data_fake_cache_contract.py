"""The fake cache of ``busway.testing`` keeps the contract it stands in for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from builders.manual_clock import ManualClock
from busway.contracts.caches import CacheBackend
from busway.errors import UnreachableError
from busway.testing.caches import CacheBackendContract, FakeCache


class TestFakeCache(CacheBackendContract):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def backend(self, clock: ManualClock) -> CacheBackend:
        return FakeCache(clock)

    @pytest.fixture
    def elapse(self, clock: ManualClock) -> Callable[[float], None]:
        return clock.advance

    def test_it_can_be_away(self, backend: FakeCache) -> None:
        backend.away = True
        with pytest.raises(UnreachableError, match="BW2000"):
            backend.get("a:v1:d:e:x")
        assert backend.calls == ["get"]
