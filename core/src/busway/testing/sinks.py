"""The proof that an event sink keeps the contract: subclass it, hand in your sink, run pytest.

    from busway.testing import EventSinkContract

    class TestSlackSink(EventSinkContract):
        @pytest.fixture
        def sink(self, slack_server):
            return SlackSink(SlackSettings(url=slack_server.url))

Only ``sink`` is needed. Three more fixtures unlock the checks that need the other side: ``arrived`` (what the
receiver got), ``waiting_sink`` (its receiver asks to wait) and ``unreachable_sink`` (nobody listens). A check whose
fixture is missing is skipped and says so.
"""
# ruff: noqa: S101, D102 - a check is an assertion with its own message (pytest does not rewrite installed modules),
# and its name is its documentation.

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from busway.contracts.events import Event, EventError, Severity
from busway.contracts.sinks import Delivery, EventSink, SinkTraits

__all__ = ["EventSinkContract", "sample_event", "sample_events"]

START_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z: sample events are the same on every run."""


def sample_event(number: int = 1, *, attributes: Mapping[str, Any] | None = None, **fields: Any) -> Event:
    """A synthetic event with a stable id and severity ERROR, so that no severity filter holds it back."""
    values: dict[str, Any] = {
        "severity": Severity.ERROR,
        "category": "error",
        "entity_type": "employee",
        "entity_id": f"E{number}",
        "session_id": "0199f3c2-7d00-7000-8000-5e5510000000",
        "error": EventError("validation", f"sample problem {number}", "ValueError"),
        **fields,
    }
    return Event(
        event_id=f"0199f3c2-7d00-7000-8000-{number:012x}",
        timestamp=START_NS + number * 1_000_000,
        attributes=dict(attributes or {"number": number}),
        **values,
    )


def sample_events(count: int, first: int = 1) -> list[Event]:
    """``count`` sample events in order, numbered from ``first``."""
    return [sample_event(number) for number in range(first, first + count)]


class EventSinkContract:
    """Checks for one sink. Subclass it under a name that pytest collects, and define the fixture ``sink``."""

    @pytest.fixture
    def sink(self) -> EventSink:
        """Your sink, its receiver willing to take everything."""
        raise NotImplementedError("define a fixture named 'sink' that returns your event sink")

    @pytest.fixture
    def arrived(self) -> Callable[[], Iterable[str]] | None:
        """Optional: a function that returns the ids the receiver of ``sink`` got, in order of arrival."""
        return None

    @pytest.fixture
    def waiting_sink(self) -> EventSink | None:
        """Optional: your sink with a receiver that asks to wait (a 429, a 4xx of a mail server)."""
        return None

    @pytest.fixture
    def unreachable_sink(self) -> EventSink | None:
        """Optional: your sink pointed at an address where nobody listens."""
        return None

    def test_it_has_the_methods_and_valid_traits(self, sink: EventSink) -> None:
        assert isinstance(sink, EventSink), "a sink has the methods deliver and close"
        traits = SinkTraits.of(sink)
        assert 1 <= traits.batch_size <= 10_000, f"batch_size is {traits.batch_size}; 1 to 10,000 make sense"
        declared = getattr(sink, "batch_size", traits.batch_size)
        assert declared == traits.batch_size, f"batch_size is {declared!r}, which is not a positive whole number"
        scope = getattr(sink, "scope", "installation")
        assert scope in ("process", "installation"), f"scope is {scope!r}; it is 'process' or 'installation'"
        assert traits.receives, "receives is empty: the sink would never be called"
        unknown = traits.receives - {"events", "digests"}
        assert not unknown, f"receives names {sorted(unknown)}; there are only 'events' and 'digests'"

    def test_a_batch_is_delivered_and_acknowledged(
        self, sink: EventSink, arrived: Callable[[], Iterable[str]] | None
    ) -> None:
        events = sample_events(3)
        _expect_all_delivered(sink.deliver(list(events)), events)
        if arrived is not None:
            missing = {event.event_id for event in events} - set(arrived())
            assert not missing, f"acknowledged, but never arrived: {sorted(missing)}"

    def test_an_empty_batch_is_harmless(self, sink: EventSink) -> None:
        delivery = sink.deliver([])
        assert delivery == Delivery(), f"nothing was handed over, but the sink answered {delivery}"

    def test_the_same_batch_again_is_acknowledged_again(self, sink: EventSink) -> None:
        events = sample_events(2)
        for _ in range(2):  # delivery is at least once: a crash after the first makes the core repeat it
            _expect_all_delivered(sink.deliver(list(events)), events)

    def test_events_arrive_in_order(self, sink: EventSink, arrived: Callable[[], Iterable[str]] | None) -> None:
        if arrived is None:
            pytest.skip("define the fixture 'arrived' to have the order checked")
        batches = [sample_events(3), sample_events(3, first=4)]
        for batch in batches:
            sink.deliver(list(batch))
        expected = [event.event_id for batch in batches for event in batch]
        got = list(dict.fromkeys(arrived()))
        assert got == expected, f"arrived as {got}, handed over as {expected}"

    def test_any_text_is_delivered(self, sink: EventSink) -> None:
        texts = (
            "Zoë Łukasz 李雷",
            "👩‍🔧 family emoji",
            "right-to-left: שלום",
            'quotes " and <b>&amp;</b>',
            "nul\x00bell\x07",
        )
        events = [
            sample_event(
                number,
                entity_id=text,
                attributes={text: text, "lines": "one\r\ntwo\n.\nthree"},
                error=EventError("validation", text),
            )
            for number, text in enumerate(texts, 1)
        ]
        _expect_all_delivered(sink.deliver(list(events)), events)

    def test_missing_parts_and_nested_attributes_are_delivered(self, sink: EventSink) -> None:
        events = [
            sample_event(1, entity_type=None, entity_id=None, session_id=None, error=None),
            sample_event(2, attributes={"rows": [{"a": 1, "b": None}], "flag": True, "rate": 0.5, "big": 2**53}),
        ]
        _expect_all_delivered(sink.deliver(list(events)), events)

    def test_big_attributes_do_not_break_it(self, sink: EventSink) -> None:
        """A sink may cut or reject what is too big, but it accounts for it and still delivers the next batch."""
        big, small = sample_event(1, attributes={"text": "x" * 1_000_000}), sample_event(2)
        delivery = sink.deliver([big])
        _expect_known_ids(delivery, [big])
        accounted = delivery.delivered | delivery.rejected.keys()
        assert big.event_id in accounted, "the big event stays pending and would come again for ever"
        _expect_all_delivered(sink.deliver([small]), [small])

    def test_events_are_not_changed(self, sink: EventSink) -> None:
        events = [sample_event(1, attributes={"nested": {"list": [1, 2, 3]}, "name": "sample"})]
        before = copy.deepcopy(events)
        sink.deliver(events)
        assert events == before, "the sink changed the events or the list it was handed; other code may hold them"

    def test_a_receiver_that_asks_to_wait_keeps_events_pending(self, waiting_sink: EventSink | None) -> None:
        if waiting_sink is None:
            pytest.skip("define the fixture 'waiting_sink' to have the answer to 'try later' checked")
        events = sample_events(2)
        try:
            delivery = waiting_sink.deliver(list(events))
        except Exception:  # an exception says the same: nothing is known to have arrived
            return
        assert not delivery.delivered, "the receiver took nothing, but events were acknowledged"
        assert not delivery.rejected, "events the receiver would take later were rejected for good"
        wait = delivery.retry_after_seconds
        assert wait is None or (math.isfinite(wait) and wait >= 0), f"retry_after_seconds is {wait}"

    def test_an_unreachable_receiver_raises(self, unreachable_sink: EventSink | None) -> None:
        if unreachable_sink is None:
            pytest.skip("define the fixture 'unreachable_sink' to have outages checked")
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the contract leaves the type to the sink
            unreachable_sink.deliver(sample_events(1))
        assert not isinstance(caught.value, (AssertionError, NotImplementedError)), "this is a bug, not an outage"

    def test_closing_twice_is_harmless(self, sink: EventSink) -> None:
        sink.deliver(sample_events(1))
        sink.close()
        sink.close()

    def test_closing_before_the_first_delivery_is_harmless(self, sink: EventSink) -> None:
        sink.close()


def _expect_known_ids(delivery: Delivery, events: Iterable[Event]) -> None:
    assert isinstance(delivery, Delivery), f"deliver returned {type(delivery).__name__}, not a Delivery"
    ids = {event.event_id for event in events}
    strangers = (delivery.delivered | delivery.rejected.keys()) - ids
    assert not strangers, f"the sink answered about ids it was not handed: {sorted(strangers)}"
    both = delivery.delivered & delivery.rejected.keys()
    assert not both, f"delivered and rejected at once: {sorted(both)}"
    assert all(delivery.rejected.values()), "a rejection needs a reason"


def _expect_all_delivered(delivery: Delivery, events: Iterable[Event]) -> None:
    events = list(events)
    _expect_known_ids(delivery, events)
    missing = {event.event_id for event in events} - delivery.delivered
    assert not missing, f"not acknowledged: {sorted(missing)}; rejected: {dict(delivery.rejected)}"
