"""Checks of an event sink whose receiver is busy, away, silent or slow."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

import math
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from busway.contracts.events import Event
from busway.contracts.sinks import Delivery, EventSink
from busway.errors import BuswayError
from busway.testing.sink_answers import expect_all_delivered, expect_known_ids, ids_of
from busway.testing.sink_samples import samples_for

__all__ = ["OutageChecks", "attempt", "within"]

Arrived = Callable[[], Iterable[str]] | None
BUGS = (AssertionError, NotImplementedError, AttributeError, NameError, TypeError)
UNDEFINED = "define the fixture 'unreachable_sink' to have outages checked"


class OutageChecks:
    """What did not arrive is never acknowledged and never given up; an outage is told in time, and it ends."""

    def test_a_receiver_that_asks_to_wait_keeps_events_pending(self, waiting_sink: EventSink | None) -> None:
        if waiting_sink is None:
            pytest.skip("define the fixture 'waiting_sink' to have the answer to 'try later' checked")
        events = samples_for(waiting_sink, 2)
        delivery = attempt(waiting_sink, events)
        if isinstance(delivery, Delivery):  # an exception says the same: nothing is known to have arrived
            _expect_pending(delivery, events)

    def test_an_outage_is_no_delivery(self, unreachable_sink: EventSink | None) -> None:
        if unreachable_sink is None:
            pytest.skip(UNDEFINED)
        events = samples_for(unreachable_sink, 2)
        answer = attempt(unreachable_sink, events)
        if isinstance(answer, Delivery):
            _expect_pending(answer, events)
        assert not isinstance(answer, BUGS), f"{type(answer).__name__} is a bug, not an outage"

    def test_an_outage_ends(self, unreachable_sink: EventSink | None, recover: Callable[[], object] | None) -> None:
        if unreachable_sink is None or recover is None:
            pytest.skip("define the fixtures 'unreachable_sink' and 'recover' to have the end of outages checked")
        attempt(unreachable_sink, samples_for(unreachable_sink, 2))
        recover()
        events = samples_for(unreachable_sink, 2, first=21)
        answer = attempt(unreachable_sink, events)
        assert isinstance(answer, Delivery), f"the receiver is back, and the sink still fails: {type(answer).__name__}"
        expect_all_delivered(answer, events)

    def test_what_failed_is_sent_when_it_comes_again(
        self, unreachable_sink: EventSink | None, recover: Callable[[], object] | None, arrived: Arrived
    ) -> None:
        if unreachable_sink is None or recover is None or arrived is None:
            pytest.skip("define the fixtures 'unreachable_sink', 'recover' and 'arrived' to have repeats checked")
        events = samples_for(unreachable_sink, 3)
        for _ in range(2):
            attempt(unreachable_sink, events)
        recover()
        answer = attempt(unreachable_sink, events)
        known = answer.delivered if isinstance(answer, Delivery) else frozenset()
        lost = known - set(arrived())
        assert not lost, f"it failed, came again, was acknowledged and never arrived: {sorted(lost)}"

    def test_a_silent_receiver_is_given_up(self, hanging_sink: EventSink | None, deliver_seconds: float) -> None:
        if hanging_sink is None:
            pytest.skip("define the fixture 'hanging_sink' to have a receiver checked that never answers")
        events = samples_for(hanging_sink, 2)
        answer = within(deliver_seconds, lambda: hanging_sink.deliver(list(events)), "a receiver that never answers")
        if isinstance(answer, Delivery):
            _expect_pending(answer, events)
        assert not isinstance(answer, BUGS), f"{type(answer).__name__} is a bug, not an outage"

    def test_a_slow_receiver_is_waited_for(
        self, slow_sink: EventSink | None, deliver_seconds: float, arrived: Arrived
    ) -> None:
        if slow_sink is None:
            pytest.skip("define the fixture 'slow_sink' to have a receiver checked that takes its time")
        events = samples_for(slow_sink, 2, first=31)
        answer = within(deliver_seconds, lambda: slow_sink.deliver(list(events)), "a slow receiver")
        assert isinstance(answer, Delivery), f"a slow receiver was taken for an outage: {type(answer).__name__}"
        expect_all_delivered(answer, events)
        if arrived is not None:
            twice = [name for name, count in Counter(arrived()).items() if count > 1]
            assert not twice, f"a slow receiver got events twice: {twice}"

    def test_an_error_has_a_code_and_no_secret(
        self, unreachable_sink: EventSink | None, secrets: Iterable[str]
    ) -> None:
        """Errors of libraries repeat addresses, headers and accounts; the core shows what it is told."""
        held = [*secrets]
        if unreachable_sink is None or not held:
            pytest.skip("define the fixtures 'unreachable_sink' and 'secrets' to have errors searched for secrets")
        error = attempt(unreachable_sink, samples_for(unreachable_sink, 1))
        if isinstance(error, Delivery):
            return
        assert isinstance(error, BuswayError), (
            f"a sink with secrets raises errors with a code, not {type(error).__name__}"
        )
        assert error.problem.fix, "the error tells the operator what to do"
        told = "\n".join((error.render(), repr(error), str(error.problem), *traceback.format_exception(error)))
        assert not any(secret in told for secret in held), "the error tells a secret of the sink's settings"


def attempt(sink: EventSink, events: list[Event]) -> Delivery | Exception:
    """The answer of ``sink``, or what it raised."""
    try:
        answer = sink.deliver(list(events))
    except Exception as error:
        return error
    expect_known_ids(answer, events)
    return answer


def within(seconds: float, call: Callable[[], object], what: str) -> object:
    """The result of ``call``, or what it raised. The core gives a delivery up that takes longer, and so does this."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:
            results.append(error)

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    worker.join(seconds)
    assert results, f"{what}: no answer within {seconds:g} s"
    return results[0]


def _expect_pending(delivery: Delivery, events: list[Event]) -> None:
    known = ids_of(events)
    assert not delivery.delivered & known, "the receiver took nothing, but events were acknowledged"
    assert not delivery.rejected, "events the receiver would take later were rejected for good"
    wait = delivery.retry_after_seconds
    assert wait is None or (math.isfinite(wait) and wait >= 0), f"retry_after_seconds is {wait}"
