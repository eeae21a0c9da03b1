"""Checks of what an event sink answers: acknowledgements, rejections, order, repetition."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import pytest

from busway.contracts.events import Event
from busway.contracts.sinks import Delivery, EventSink, SinkTraits
from busway.testing.sink_samples import samples_for

__all__ = ["AnswerChecks", "expect_all_delivered", "expect_known_ids", "ids_of"]

Arrived = Callable[[], Iterable[str]] | None
UNDEFINED = "define the fixture 'arrived' to have what arrives checked"
NOT_ATOMIC = "the sink does not say that it is atomic"
ROUNDS = 8
"""More than enough for every good event to get through beside one that never does."""


class AnswerChecks:
    """Every event of a batch is accounted for, and truly."""

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
        atomic = getattr(sink, "atomic", False)
        assert isinstance(atomic, bool), f"atomic is {atomic!r}; it is True or False"

    def test_a_batch_is_delivered_and_acknowledged(self, sink: EventSink, arrived: Arrived) -> None:
        events = samples_for(sink, 3)
        expect_all_delivered(sink.deliver(list(events)), events)
        if arrived is not None:
            missing = ids_of(events) - set(arrived())
            assert not missing, f"acknowledged, but never arrived: {sorted(missing)}"

    def test_one_event_is_delivered(self, sink: EventSink, arrived: Arrived) -> None:
        events = samples_for(sink, 1)
        expect_all_delivered(sink.deliver(list(events)), events)
        assert arrived is None or [*arrived()] == [events[0].event_id], "one event was handed over, once"

    def test_a_full_batch_is_delivered(self, sink: EventSink, arrived: Arrived) -> None:
        events = samples_for(sink, SinkTraits.of(sink).batch_size)
        expect_all_delivered(sink.deliver(list(events)), events)
        lost = ids_of(events) - set(arrived()) if arrived is not None else ()
        assert not lost, f"{len(lost)} of the {len(events)} events that batch_size allows never arrived"

    def test_an_empty_batch_is_harmless(self, sink: EventSink) -> None:
        delivery = sink.deliver([])
        assert delivery == Delivery(), f"nothing was handed over, but the sink answered {delivery}"

    def test_the_same_batch_again_is_acknowledged_again(self, sink: EventSink) -> None:
        events = samples_for(sink, 2)
        for _ in range(2):  # delivery is at least once: a crash after the first makes the core repeat it
            expect_all_delivered(sink.deliver(list(events)), events)

    def test_a_repeated_event_arrives_under_the_same_id(self, sink: EventSink, arrived: Arrived) -> None:
        if arrived is None:
            pytest.skip(UNDEFINED)
        events = samples_for(sink, 2)
        for _ in range(2):
            sink.deliver(list(events))
        strange = set(arrived()) - ids_of(events)
        assert not strange, f"arrived under other ids, so that receivers cannot drop repeats: {sorted(strange)}"

    def test_an_answer_is_about_its_own_batch(self, sink: EventSink) -> None:
        first, second = samples_for(sink, 2), samples_for(sink, 2, first=3)
        sink.deliver(list(first))
        expect_known_ids(sink.deliver(list(second)), second)

    def test_events_arrive_in_order(self, sink: EventSink, arrived: Arrived) -> None:
        if arrived is None:
            pytest.skip(UNDEFINED)
        batches = [samples_for(sink, 4), samples_for(sink, 4, first=5)]
        for batch in batches:
            sink.deliver(list(batch))
        got = list(dict.fromkeys(arrived()))
        expected = [event.event_id for batch in batches for event in batch if event.event_id in got]
        assert got == expected, f"arrived as {got}, handed over as {expected}"

    def test_of_a_batch_taken_in_part_that_part_is_acknowledged(
        self, partial_sink: EventSink | None, partial_batch: list[Event], arrived: Arrived
    ) -> None:
        if partial_sink is None or arrived is None:
            pytest.skip("define the fixtures 'partial_sink' and 'arrived' to have partial answers checked")
        if SinkTraits.of(partial_sink).atomic:
            pytest.skip("an atomic sink takes no part of a batch")
        delivery = partial_sink.deliver(list(partial_batch))
        expect_known_ids(delivery, partial_batch)
        taken = set(arrived()) & ids_of(partial_batch)
        assert 0 < len(taken) < len(partial_batch), f"the receiver took {len(taken)} of {len(partial_batch)}: no part"
        assert delivery.delivered <= taken, f"acknowledged, but never arrived: {sorted(delivery.delivered - taken)}"
        assert taken <= delivery.delivered, f"arrived, but would come again: {sorted(taken - delivery.delivered)}"

    def test_an_atomic_sink_takes_several_events_of_one_record(self, sink: EventSink, arrived: Arrived) -> None:
        if not SinkTraits.of(sink).atomic:
            pytest.skip(NOT_ATOMIC)
        events = [replace(one, entity_type="employee", entity_id="E1") for one in samples_for(sink, 4)]
        expect_all_delivered(sink.deliver(list(events)), events)
        got = None if arrived is None else [one for one in arrived() if one in ids_of(events)]
        expected = [event.event_id for event in events]
        assert got in (None, expected), f"of one record {expected} were handed over, and {got} arrived"

    def test_an_atomic_sink_takes_no_part_of_a_batch(
        self, partial_sink: EventSink | None, partial_batch: list[Event], arrived: Arrived
    ) -> None:
        if partial_sink is None:
            pytest.skip("define the fixture 'partial_sink' to have it checked that a batch is taken as a whole")
        if not SinkTraits.of(partial_sink).atomic:
            pytest.skip(NOT_ATOMIC)
        try:
            delivery = partial_sink.deliver(list(partial_batch))
        except Exception:
            delivery = Delivery()  # what the core takes it for
        expect_known_ids(delivery, partial_batch)
        settled = delivery.delivered | delivery.rejected.keys()
        assert settled in (set(), ids_of(partial_batch)), f"it answers for a part of the batch: {sorted(settled)}"
        taken = set() if arrived is None else set(arrived()) & ids_of(partial_batch)
        assert taken <= delivery.delivered, f"it keeps a part of a batch that comes again as a whole: {sorted(taken)}"

    def test_one_poison_event_does_not_hold_back_the_others(
        self, sink: EventSink, poison: Event | None, arrived: Arrived
    ) -> None:
        if poison is None:
            pytest.skip("define the fixture 'poison' to have an event checked that the receiver never takes")
        others = [one for one in samples_for(sink, 5, first=900) if one.event_id != poison.event_id]
        delivered, rejected = _settle(sink, [*others[:2], poison, *others[2:]])
        held = ids_of(others) - delivered
        assert not held, f"one poison event takes others along: {sorted(held)}; rejected: {dict(rejected)}"
        assert poison.event_id not in delivered, "the receiver never takes it, but it was acknowledged"
        if arrived is not None:
            lost = ids_of(others) - set(arrived())
            assert not lost, f"acknowledged beside a poison event, but never arrived: {sorted(lost)}"


def _settle(sink: EventSink, events: list[Event]) -> tuple[set[str], dict[str, str]]:
    """What becomes of ``events`` when the core hands them over: as a batch, and one by one after it was raised."""
    delivered: set[str] = set()
    rejected: dict[str, str] = {}
    for _ in range(ROUNDS):
        left = [event for event in events if event.event_id not in delivered | rejected.keys()]
        if not left:
            break
        try:
            answers = [sink.deliver(list(left))]
        except Exception:
            answers = [answer for event in left if (answer := _alone(sink, event)) is not None]
        for answer in answers:
            delivered |= answer.delivered
            rejected |= dict(answer.rejected)
    return delivered, rejected


def _alone(sink: EventSink, event: Event) -> Delivery | None:
    try:
        return sink.deliver([event])
    except Exception:
        return None


def ids_of(events: Iterable[Event]) -> set[str]:
    """Their ids."""
    return {event.event_id for event in events}


def expect_known_ids(delivery: Delivery, events: Iterable[Event]) -> None:
    """Fails when ``delivery`` is no answer, or tells about other events than ``events``."""
    assert isinstance(delivery, Delivery), f"deliver returned {type(delivery).__name__}, not a Delivery"
    rejected: Mapping[str, str] = delivery.rejected
    strangers = (delivery.delivered | rejected.keys()) - ids_of(events)
    assert not strangers, f"the sink answered about ids it was not handed: {sorted(strangers)}"
    both = delivery.delivered & rejected.keys()
    assert not both, f"delivered and rejected at once: {sorted(both)}"
    assert all(rejected.values()), "a rejection needs a reason"


def expect_all_delivered(delivery: Delivery, events: Iterable[Event]) -> None:
    """Fails unless ``delivery`` acknowledges all of ``events``."""
    events = list(events)
    expect_known_ids(delivery, events)
    missing = ids_of(events) - delivery.delivered
    assert not missing, f"not acknowledged: {sorted(missing)}; rejected: {dict(delivery.rejected)}"
