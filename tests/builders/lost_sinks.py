"""Event sinks that break one rule each about outages, threads, building and closing."""

from __future__ import annotations

import socket
import threading

from builders.tray_sink import KEY, Tray, TraySink, breaks
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery
from busway.errors import UnreachableError

HANGING = threading.Event()
"""Set it to let abandoned calls of hanging specimens end."""


@breaks("a_receiver_that_asks_to_wait_keeps_events_pending")
class RejectsWhatShouldWait(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        full = self.tray.room == 0
        answer = super().hand_over(events)
        return Delivery.reject(events, "it is full") if full else answer


@breaks("a_receiver_that_asks_to_wait_keeps_events_pending")
class WaitsForNoTimeKnown(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        answer = super().hand_over(events)
        return Delivery.retry_after(float("nan")) if self.tray.room == 0 and not answer.delivered else answer


@breaks("an_outage_is_no_delivery")
class RejectsInAnOutage(TraySink):
    def deliver(self, events: list[Event]) -> Delivery:
        if self.tray.away and not self.closed and len(events) == 2 and not self.failed:
            self.failed += 1
            return Delivery.reject(events, "nobody there")
        return super().deliver(events)


@breaks("an_outage_ends")
class StaysDown(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        if self.failed:
            raise self.outage()
        return super().hand_over(events)


@breaks("what_failed_is_sent_when_it_comes_again")
class TakesTheFailedForSent(TraySink):
    def __init__(self, tray: Tray) -> None:
        super().__init__(tray)
        self.seen: set[str] = set()

    def deliver(self, events: list[Event]) -> Delivery:
        fresh = [event for event in events if event.event_id not in self.seen]
        if self.tray.away:
            self.seen |= {event.event_id for event in events}
        answer = super().deliver(fresh)
        return Delivery(answer.delivered | ({event.event_id for event in events} & self.seen), answer.rejected)


@breaks("a_silent_receiver_is_given_up")
class WaitsForEver(TraySink):
    def deliver(self, events: list[Event]) -> Delivery:
        if self.tray.silent:
            HANGING.wait(30)
        return super().deliver(events)


@breaks("a_silent_receiver_is_given_up")
class TakesSilenceForConsent(TraySink):
    def deliver(self, events: list[Event]) -> Delivery:
        return Delivery.done(events) if self.tray.silent else super().deliver(events)


@breaks("a_slow_receiver_is_waited_for")
class TakesSlowForAway(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        if self.tray.slow:
            raise self.outage()
        return super().hand_over(events)


@breaks("a_slow_receiver_is_waited_for")
class AsksASlowOneTwice(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        if self.tray.slow:
            super().hand_over(events)
        return super().hand_over(events)


@breaks("an_error_has_a_code_and_no_secret")
class TellsItsKey(TraySink):
    def outage(self) -> UnreachableError:
        return UnreachableError("TEST02", f"nobody at https://tray.example.test/{KEY}", fix="look there")


@breaks("an_error_has_a_code_and_no_secret")
class RaisesWhatTheLibraryRaised(TraySink):
    def deliver(self, events: list[Event]) -> Delivery:
        if self.tray.away:
            raise ConnectionError("nobody there")
        return super().deliver(events)


@breaks("an_error_has_a_code_and_no_secret")
class TellsItsKeyInTheCause(TraySink):
    def outage(self) -> UnreachableError:
        error = super().outage()
        error.__cause__ = ValueError(f"POST /{KEY}")
        return error


@breaks("building_connects_to_nothing")
class ConnectsAtOnce(TraySink):
    def __init__(self, tray: Tray) -> None:
        super().__init__(tray)
        with socket.socket() as probe:
            probe.connect_ex(("127.0.0.1", 9))


@breaks("other_threads_may_call_it")
class StaysInItsThread(TraySink):
    def deliver(self, events: list[Event]) -> Delivery:
        if threading.current_thread() is not self.thread and not (self.closed or self.tray.silent or self.tray.slow):
            raise RuntimeError("built in another thread")
        return super().deliver(events)


@breaks("closing_twice_is_harmless")
class ClosesOnce(TraySink):
    def close(self) -> None:
        if self.closed and self.calls == 1:
            raise RuntimeError("closed already")
        super().close()


@breaks("closing_before_the_first_delivery_is_harmless")
class ClosesWhatItOpened(TraySink):
    def close(self) -> None:
        if not self.calls:
            raise RuntimeError("never opened")
        super().close()


@breaks("a_closed_sink_delivers_or_says_so")
class AcknowledgesWhenClosed(TraySink):
    def deliver(self, events: list[Event]) -> Delivery:
        return Delivery.done(events) if self.closed else super().deliver(events)


@breaks("a_closed_sink_delivers_or_says_so")
class BreaksWhenClosed(TraySink):
    def deliver(self, events: list[Event]) -> Delivery:
        if self.closed:
            raise AttributeError("'NoneType' object has no attribute 'send'")
        return super().deliver(events)


@breaks("a_new_one_goes_on_where_the_last_one_was_closed")
class ClearsTheTray(TraySink):
    def __init__(self, tray: Tray) -> None:
        super().__init__(tray)
        tray.lines.clear()
