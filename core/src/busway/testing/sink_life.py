"""Checks of an event sink's life: built, called from other threads, closed, used after that, built again."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

import pytest

from busway.contracts.sinks import Delivery, EventSink
from busway.testing.sink_answers import expect_all_delivered, ids_of
from busway.testing.sink_outages import BUGS, within
from busway.testing.sink_samples import samples_for

__all__ = ["LifeChecks"]

Arrived = Callable[[], Iterable[str]] | None


class LifeChecks:
    """From building to closing."""

    def test_building_connects_to_nothing(self, build: Callable[[], EventSink] | None, deliver_seconds: float) -> None:
        if build is None:
            pytest.skip("define the fixture 'build' to have it checked that building connects to nothing")
        attempts: list[object] = []

        def refuse(*arguments: object, **options: object) -> None:
            attempts.append(arguments)
            raise ConnectionRefusedError("building a sink connects to nothing")

        with pytest.MonkeyPatch.context() as patch:
            for owner, call in ((socket.socket, "connect"), (socket.socket, "connect_ex"), (socket, "getaddrinfo")):
                patch.setattr(owner, call, refuse)
            built = within(deliver_seconds, build, "building a sink")
        assert not attempts, "building a sink reached for the network; every command would wait for it"
        assert isinstance(built, EventSink), f"building gave no sink: {built!r}"
        within(deliver_seconds, built.close, "closing a new sink")

    def test_other_threads_may_call_it(self, sink: EventSink, arrived: Arrived, deliver_seconds: float) -> None:
        """The core builds a sink in one thread, delivers in a second and closes in a third."""
        events = samples_for(sink, 2, first=41)
        answer = within(deliver_seconds, lambda: sink.deliver(list(events)), "a delivery in another thread")
        assert isinstance(answer, Delivery), f"in another thread than it was built in: {answer!r}"
        expect_all_delivered(answer, events)
        closed = within(deliver_seconds, sink.close, "closing in a third thread")
        assert closed is None, f"closed in another thread than it delivered in: {closed!r}"
        lost = ids_of(events) - set(arrived()) if arrived is not None else ()
        assert not lost, f"acknowledged in another thread, but never arrived: {sorted(lost)}"

    def test_closing_twice_is_harmless(self, sink: EventSink) -> None:
        sink.deliver(samples_for(sink, 1))
        sink.close()
        sink.close()

    def test_closing_before_the_first_delivery_is_harmless(self, sink: EventSink) -> None:
        sink.close()

    def test_a_closed_sink_delivers_or_says_so(self, sink: EventSink, arrived: Arrived, deliver_seconds: float) -> None:
        sink.deliver(samples_for(sink, 1))
        sink.close()
        events = samples_for(sink, 2, first=51)
        answer = within(deliver_seconds, lambda: sink.deliver(list(events)), "a closed sink")
        assert not isinstance(answer, BUGS), f"a closed sink broke: {type(answer).__name__}"
        if isinstance(answer, Delivery) and arrived is not None:
            lost = answer.delivered - set(arrived())
            assert not lost, f"acknowledged after it was closed, but never arrived: {sorted(lost)}"
        sink.close()

    def test_a_new_one_goes_on_where_the_last_one_was_closed(
        self, sink: EventSink, build: Callable[[], EventSink] | None, arrived: Arrived
    ) -> None:
        if build is None or arrived is None:
            pytest.skip("define the fixtures 'build' and 'arrived' to have it checked that a new sink goes on")
        first, second = samples_for(sink, 2, first=61), samples_for(sink, 2, first=63)
        sink.deliver(list(first))
        sink.close()
        after = build()
        try:
            answer = after.deliver(list(second))
        finally:
            after.close()
        missing = (ids_of(first) | answer.delivered) - set(arrived())
        assert not missing, f"acknowledged before or after a restart, and not there: {sorted(missing)}"
        expect_all_delivered(answer, second)
