"""The conformance suite for event sinks catches what it promises to catch.

Every specimen breaks one rule: the check of that rule fails for it, and no other does. A sink that keeps all rules
passes all checks, with nothing skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from _pytest.outcomes import Skipped

from builders import broken_sinks, lost_sinks
from builders.suites import Lazily, checks_of, failing, run, skipped
from builders.tray_sink import KEY, SPECIMENS, AtomicTraySink, Specimen, Tray, TraySink
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery, EventSink
from busway.testing import EventSinkContract
from busway.testing.sinks import sample_digest, sample_event, sample_events

CHECKS = checks_of(EventSinkContract)
POISON = sample_event(950, attributes={"poison": True})
OPTIONAL = (
    "arrived", "sent", "build", "poison", "partial_sink", "waiting_sink", "unreachable_sink", "recover",
    "hanging_sink", "slow_sink",
)  # fmt: skip


@pytest.fixture(autouse=True)
def hanging_calls_end() -> Iterator[None]:
    lost_sinks.HANGING.clear()
    yield
    lost_sinks.HANGING.set()


def fixtures_for(make: Callable[[Tray], Any], **others: Callable[[], Any]) -> Lazily:
    """What the fixtures of a subclass would give for the sink that ``make`` builds; all have one tray."""
    tray = Tray()

    def away() -> Any:
        tray.away = True
        return make(tray)

    def with_tray(**state: Any) -> Any:
        vars(tray).update(state)
        return make(tray)

    fixtures: dict[str, Callable[[], Any]] = {
        "sink": lambda: make(tray),
        "arrived": lambda: tray.ids,
        "sent": lambda: tray.text,
        "secrets": lambda: (KEY,),
        "build": lambda: lambda: make(tray),
        "poison": lambda: POISON,
        "partial_sink": lambda: with_tray(room=2),
        "partial_batch": lambda: sample_events(3),
        "waiting_sink": lambda: with_tray(room=0),
        "unreachable_sink": away,
        "recover": lambda: lambda: setattr(tray, "away", False),
        "hanging_sink": lambda: with_tray(silent=True),
        "slow_sink": lambda: with_tray(slow=True),
        "deliver_seconds": lambda: 0.2,
    }
    return Lazily({**fixtures, **others})


class TestTraySink(EventSinkContract):
    """The sink the specimens are made from keeps every rule, also as pytest runs them."""

    @pytest.fixture
    def tray(self) -> Tray:
        return Tray()

    @pytest.fixture
    def sink(self, tray: Tray) -> EventSink:
        return TraySink(tray)

    @pytest.fixture
    def arrived(self, tray: Tray) -> Callable[[], Iterable[str]]:
        return tray.ids


@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.sink.__name__)
def test_a_specimen_fails_the_check_of_its_rule_and_no_other(specimen: Specimen) -> None:
    assert failing(EventSinkContract, lambda: fixtures_for(specimen.sink)) == [specimen.check]


def test_the_sinks_that_keep_all_rules_pass_with_nothing_skipped_that_concerns_them() -> None:
    assert skipped(EventSinkContract, lambda: fixtures_for(TraySink)) == ["the sink does not say that it is atomic"] * 2
    reasons = skipped(EventSinkContract, lambda: fixtures_for(AtomicTraySink))
    assert reasons == ["an atomic sink takes no part of a batch"]


def test_every_check_has_a_specimen() -> None:
    assert {specimen.sink.__module__ for specimen in SPECIMENS} == {broken_sinks.__name__, lost_sinks.__name__}
    assert {specimen.check for specimen in SPECIMENS} == set(CHECKS)
    assert len(CHECKS) >= 25


def test_one_fixture_is_enough_for_most_checks_of_answers_contents_and_life() -> None:
    absent: dict[str, Callable[[], Any]] = {name: lambda: None for name in OPTIONAL}
    reasons = skipped(EventSinkContract, lambda: fixtures_for(TraySink, **absent, secrets=tuple))
    assert len(CHECKS) - len(reasons) >= 15
    assert all("define the fixture" in reason or "atomic" in reason for reason in reasons)


def test_a_sink_of_digests_alone_is_handed_digests_alone() -> None:
    seen: set[str] = set()

    class DigestsOnly(TraySink):
        receives = frozenset({"digests"})

        def deliver(self, events: list[Event]) -> Delivery:
            seen.update(event.category for event in events if not event.attributes.get("poison"))
            return super().deliver(events)

    for check in CHECKS:
        digests = [sample_digest(number) for number in range(1, 4)]
        run(EventSinkContract(), check, fixtures_for(DigestsOnly, partial_batch=digests.copy))
    assert seen == {"digest"}


def test_a_sink_without_digests_is_handed_none() -> None:
    class EventsOnly(TraySink):
        receives = frozenset({"events"})

        def put(self, event: Event) -> None:
            assert event.category != "digest"
            super().put(event)

    with pytest.raises(Skipped):
        run(EventSinkContract(), "test_digests_are_delivered", fixtures_for(EventsOnly))
    for check in set(CHECKS) - {"test_digests_are_delivered"}:
        run(EventSinkContract(), check, fixtures_for(EventsOnly))


def test_samples_are_the_same_on_every_run() -> None:
    assert sample_events(2) == sample_events(2)
    assert sample_digest(1, "first") == sample_digest(1, "first") != sample_digest(1, "hourly")
    assert [group["count"] for group in sample_digest(1).attributes["groups"]] == [20, 40, 60]
    assert sample_digest(1, "first").attributes["errors"] == 20
