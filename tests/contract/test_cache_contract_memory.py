"""The level inside the process keeps the contract of cache backends, with entries in place of bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from builders.manual_clock import ManualClock
from busway.contracts.caches import Entry
from busway.data.memory_level import MemoryLevel
from busway.testing import CacheBackendContract


class TestMemoryLevel(CacheBackendContract):
    def value(self, raw: bytes) -> Any:
        return Entry(raw, 1, 1, 2, 3, "contract")

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def backend(self, clock: ManualClock) -> Any:
        return MemoryLevel(clock=clock)

    @pytest.fixture
    def elapse(self, clock: ManualClock) -> Callable[[float], None]:
        return clock.advance
