"""The conformance suites catch what they promise to catch: each check fails for a part that breaks its rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from _pytest.outcomes import Failed

from busway.contracts.events import Event
from busway.contracts.sinks import Delivery
from busway.testing.sinks import EventSinkContract, sample_event, sample_events

BROKEN = (AssertionError, Failed)


class GoodSink:
    def __init__(self) -> None:
        self.ids: list[str] = []

    def deliver(self, events: list[Event]) -> Delivery:
        self.ids += [event.event_id for event in events]
        return Delivery.done(events)

    def close(self) -> None: ...


def sink_that(**changes: Any) -> Any:
    return type("BadSink", (GoodSink,), changes)()


def forgetful(self: Any, events: list[Event]) -> Delivery:
    return Delivery.done(events)


def partial(self: Any, events: list[Event]) -> Delivery:
    return Delivery.done(events[:-1])


def invented(self: Any, events: list[Event]) -> Delivery:
    return Delivery.done([*events, sample_event(99)])


def reversed_order(self: Any, events: list[Event]) -> Delivery:
    self.ids += [event.event_id for event in reversed(events)]
    return Delivery.done(events)


def emptying(self: Any, events: list[Event]) -> Delivery:
    delivery = Delivery.done(events)
    events.clear()
    return delivery


def once(self: Any, events: list[Event]) -> Delivery:
    fresh = [event for event in events if event.event_id not in self.ids]
    self.ids += [event.event_id for event in fresh]
    return Delivery.done(fresh)


def ascii_only(self: Any, events: list[Event]) -> Delivery:
    return Delivery.done(event for event in events if str(event.entity_id).isascii())


def needs_entity(self: Any, events: list[Event]) -> Delivery:
    return Delivery.done(event for event in events if event.entity_id)


def small_only(self: Any, events: list[Event]) -> Delivery:
    return Delivery.done(event for event in events if len(str(event.attributes)) < 1_000)


def close_once(self: Any) -> None:
    if getattr(self, "closed", False):
        raise RuntimeError("closed already")
    self.closed = True


def never_close(self: Any) -> None:
    if not self.ids:
        raise RuntimeError("never opened")


BAD_SINKS: list[tuple[str, dict[str, Any], bool]] = [
    ("test_it_has_the_methods_and_valid_traits", {"batch_size": 0}, False),
    ("test_it_has_the_methods_and_valid_traits", {"scope": "host"}, False),
    ("test_it_has_the_methods_and_valid_traits", {"receives": frozenset({"everything"})}, False),
    ("test_it_has_the_methods_and_valid_traits", {"receives": frozenset()}, False),
    ("test_a_batch_is_delivered_and_acknowledged", {"deliver": partial}, True),
    ("test_a_batch_is_delivered_and_acknowledged", {"deliver": invented}, True),
    ("test_a_batch_is_delivered_and_acknowledged", {"deliver": forgetful}, True),
    ("test_an_empty_batch_is_harmless", {"deliver": invented}, False),
    ("test_the_same_batch_again_is_acknowledged_again", {"deliver": once}, False),
    ("test_events_arrive_in_order", {"deliver": reversed_order}, True),
    ("test_any_text_is_delivered", {"deliver": ascii_only}, False),
    ("test_missing_parts_and_nested_attributes_are_delivered", {"deliver": needs_entity}, False),
    ("test_big_attributes_do_not_break_it", {"deliver": small_only}, False),
    ("test_events_are_not_changed", {"deliver": emptying}, False),
]


def arguments(sink: Any, arrived: bool) -> dict[str, Any]:
    told: Callable[[], Iterable[str]] = lambda: sink.ids  # noqa: E731 - the shape of the fixture
    return {"sink": sink, "arrived": told} if arrived else {"sink": sink}


@pytest.mark.parametrize(("check", "changes", "arrived"), BAD_SINKS)
def test_a_bad_sink_fails_the_check_and_a_good_one_passes(check: str, changes: dict[str, Any], arrived: bool) -> None:
    getattr(EventSinkContract(), check)(**arguments(GoodSink(), arrived))
    with pytest.raises(BROKEN):
        getattr(EventSinkContract(), check)(**arguments(sink_that(**changes), arrived))


@pytest.mark.parametrize(
    "answer",
    [Delivery.done(sample_events(2)), Delivery.reject(sample_events(2), "busy"), Delivery.retry_after(float("nan"))],
)
def test_a_sink_that_does_not_wait_is_caught(answer: Delivery) -> None:
    check = EventSinkContract().test_a_receiver_that_asks_to_wait_keeps_events_pending
    check(sink_that(deliver=lambda self, events: Delivery.retry_after(3)))
    with pytest.raises(BROKEN):
        check(sink_that(deliver=lambda self, events: answer))


def test_a_sink_that_hides_an_outage_is_caught() -> None:
    with pytest.raises(BROKEN):
        EventSinkContract().test_an_unreachable_receiver_raises(GoodSink())


def test_a_sink_that_cannot_be_closed_is_caught() -> None:
    with pytest.raises(RuntimeError):
        EventSinkContract().test_closing_twice_is_harmless(sink_that(close=close_once))
    with pytest.raises(RuntimeError):
        EventSinkContract().test_closing_before_the_first_delivery_is_harmless(sink_that(close=never_close))
