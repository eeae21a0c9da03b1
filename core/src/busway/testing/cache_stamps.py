"""Checks of the generation stamps of a cache backend, for those that keep some."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message (pytest does not rewrite installed modules),
# and its name is its documentation.

from __future__ import annotations

import uuid

import pytest

from busway.contracts.caches import CacheBackend, SupportsGenerations
from busway.testing.cache_checks import CacheChecks
from busway.testing.cache_threads import at_once

__all__ = ["StampChecks"]

NANOSECONDS = 1_767_225_600_123_456_789
"""A time of this decade, whose last digits a floating-point number cannot hold."""


class StampChecks(CacheChecks):
    """They only ever grow, and every process sees the highest."""

    @pytest.fixture
    def stamps(self, backend: CacheBackend) -> SupportsGenerations:
        """The backend, if it keeps stamps."""
        if not isinstance(backend, SupportsGenerations):
            pytest.skip("this backend keeps no generation stamps")
        return backend

    @pytest.fixture
    def other_stamps(self, stamps: SupportsGenerations, other: CacheBackend) -> SupportsGenerations:
        """The stamps as another instance sees them."""
        assert isinstance(other, SupportsGenerations), "the other instance keeps no stamps"
        return other

    @pytest.fixture
    def stamp_name(self) -> str:
        """A name of its own for each check, so that one server may serve many."""
        return f"contract:v1:{uuid.uuid4().hex}"

    def test_a_stamp_nobody_set_is_zero(self, stamps: SupportsGenerations, stamp_name: str) -> None:
        assert list(stamps.read_generations([stamp_name])) == [0]

    def test_a_stamp_is_exact(self, stamps: SupportsGenerations, stamp_name: str) -> None:
        assert stamps.raise_generation(stamp_name, NANOSECONDS) == NANOSECONDS, "nanoseconds were lost"
        assert list(stamps.read_generations([stamp_name])) == [NANOSECONDS], "nanoseconds were lost"

    def test_a_stamp_is_never_lowered(self, stamps: SupportsGenerations, stamp_name: str) -> None:
        stamps.raise_generation(stamp_name, 7)
        assert stamps.raise_generation(stamp_name, 5) == 7, "the answer is the stamp that holds"
        assert list(stamps.read_generations([stamp_name])) == [7], "a lower stamp took the place of a higher one"

    def test_many_stamps_are_one_question(self, stamps: SupportsGenerations, stamp_name: str) -> None:
        names = [f"{stamp_name}:{part}" for part in ("d.e", "d", "b", "d*", "c d")]
        for number, name in enumerate(names):
            stamps.raise_generation(name, number + 1)
        assert list(stamps.read_generations(names)) == [1, 2, 3, 4, 5], "one for each name, in their order"
        assert list(stamps.read_generations([names[1], names[0], names[1]])) == [2, 1, 2], "also for one asked twice"
        assert list(stamps.read_generations([])) == []

    def test_stamps_are_seen_by_another(
        self, stamps: SupportsGenerations, other_stamps: SupportsGenerations, stamp_name: str
    ) -> None:
        stamps.read_generations([stamp_name])
        other_stamps.raise_generation(stamp_name, 7)
        assert list(stamps.read_generations([stamp_name])) == [7], "what another process invalidated stays valid here"

    def test_stamps_outlive_who_raised_them(
        self, backend: CacheBackend, stamps: SupportsGenerations, other_stamps: SupportsGenerations, stamp_name: str
    ) -> None:
        if other_stamps is stamps:
            pytest.skip("define the fixture 'other' to check this")
        stamps.raise_generation(stamp_name, 7)
        backend.close()
        assert list(other_stamps.read_generations([stamp_name])) == [7], "the stamp went with the process"

    def test_of_many_raises_the_highest_stays(self, stamps: SupportsGenerations, stamp_name: str) -> None:
        for turn in range(3):
            at_once(lambda number: stamps.raise_generation(f"{stamp_name}:{turn}", 10 + number))  # noqa: B023
            assert list(stamps.read_generations([f"{stamp_name}:{turn}"])) == [17], "a higher stamp was lost"

    def test_stamps_are_no_entries(self, backend: CacheBackend, stamps: SupportsGenerations, stamp_name: str) -> None:
        stamps.raise_generation(stamp_name, 7)
        assert backend.get(stamp_name) is None, "a stamp is served as an entry"
        assert list(backend.scan("*")) == [], "a stamp is listed as a key"
