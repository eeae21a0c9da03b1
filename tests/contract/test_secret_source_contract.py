"""The conformance suite for secret sources catches what it promises to catch.

Every specimen breaks one rule: the check of that rule fails for it, and no other does. A source that keeps all rules
passes all checks, with nothing skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from builders import broken_sources, lost_sources, talkative_sources
from builders.shelf_source import DATED, KNOWN, REFUSED, SPECIMENS, Shelf, ShelfSource, Specimen, full_shelf
from builders.suites import checks_of, failing, skipped
from busway.contracts.secrets import SecretSource
from busway.testing.secrets import ODD_VALUES, SecretSourceContract

CHECKS = checks_of(SecretSourceContract)


@pytest.fixture(autouse=True)
def hanging_calls_end() -> Iterator[None]:
    lost_sources.HANGING.clear()
    yield
    lost_sources.HANGING.set()


def fixtures_for(make: Callable[[Shelf], Any]) -> dict[str, Any]:
    """What the fixtures of a subclass would give for the source that ``make`` builds."""
    shelf, lost = full_shelf(), full_shelf()
    lost.away = True
    return {
        "known": KNOWN,
        "source": make(shelf),
        "unreachable_source": make(lost),
        "call_seconds": 0.1,
        "recover": lambda: setattr(lost, "away", False),
        "refused": REFUSED,
        "odd_values": ODD_VALUES,
        "dated": DATED,
        "rotate": shelf.put,
        "listings": lambda: shelf.lists,
        "build": lambda: make(full_shelf()),
    }


class TestShelfSource(SecretSourceContract):
    """The source the specimens are made from keeps every rule."""

    @pytest.fixture
    def shelf(self) -> Shelf:
        return full_shelf()

    @pytest.fixture
    def lost_shelf(self) -> Shelf:
        shelf = full_shelf()
        shelf.away = True
        return shelf

    @pytest.fixture
    def known(self) -> Mapping[str, str]:
        return KNOWN

    @pytest.fixture
    def source(self, shelf: Shelf) -> SecretSource:
        return ShelfSource(shelf)

    @pytest.fixture
    def unreachable_source(self, lost_shelf: Shelf) -> SecretSource:
        return ShelfSource(lost_shelf)

    @pytest.fixture
    def recover(self, lost_shelf: Shelf) -> Callable[[], object]:
        return lambda: setattr(lost_shelf, "away", False)

    @pytest.fixture
    def refused(self) -> Mapping[str, str]:
        return REFUSED

    @pytest.fixture
    def odd_values(self) -> Mapping[str, str]:
        return ODD_VALUES

    @pytest.fixture
    def dated(self) -> Mapping[str, tuple[int | None, int | None]]:
        return DATED

    @pytest.fixture
    def rotate(self, shelf: Shelf) -> Callable[[str, str], object]:
        return shelf.put

    @pytest.fixture
    def listings(self, shelf: Shelf) -> Callable[[], int]:
        return lambda: shelf.lists

    @pytest.fixture
    def build(self) -> Callable[[], SecretSource]:
        return lambda: ShelfSource(full_shelf())


@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.label)
def test_a_specimen_fails_the_check_of_its_rule_and_no_other(specimen: Specimen) -> None:
    assert failing(SecretSourceContract, lambda: fixtures_for(specimen.source)) == [specimen.check]


def test_every_check_has_a_specimen() -> None:
    assert {specimen.source.__module__ for specimen in SPECIMENS} == {
        module.__name__ for module in (broken_sources, lost_sources, talkative_sources)
    }
    assert {specimen.check for specimen in SPECIMENS} == set(CHECKS)
    assert len(CHECKS) >= 15


def test_two_fixtures_are_enough_for_most_checks() -> None:
    absent = dict.fromkeys(("unreachable_source", "recover", "rotate", "listings", "build"))
    empty: dict[str, Any] = {name: {} for name in ("refused", "odd_values", "dated")}
    reasons = skipped(SecretSourceContract, lambda: {**fixtures_for(ShelfSource), **absent, **empty})
    assert len(CHECKS) - len(reasons) >= 15
    assert all("define the fixture" in reason for reason in reasons)
