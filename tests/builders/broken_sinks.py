"""Event sinks that break one rule each about answers and contents."""

from __future__ import annotations

import os

from builders.tray_sink import KEY, AtomicTraySink, TraySink, breaks
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery


@breaks("it_has_the_methods_and_valid_traits")
class TakesNothingAtOnce(TraySink):
    batch_size = 0


@breaks("it_has_the_methods_and_valid_traits")
class HasAnotherScope(TraySink):
    scope = "host"


@breaks("it_has_the_methods_and_valid_traits")
class ReceivesEverything(TraySink):
    receives = frozenset({"events", "digests", "everything"})


@breaks("it_has_the_methods_and_valid_traits")
class IsMostlyAtomic(TraySink):
    atomic = "mostly"


@breaks("a_batch_is_delivered_and_acknowledged")
class ForgetsTheLastOfThree(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        if self.calls == 1 and len(events) == 3 and self.tray.room is None:
            return Delivery.done([*events[:2], events[2]]) if super().hand_over(events[:2]) else Delivery()
        return super().hand_over(events)


@breaks("a_batch_is_delivered_and_acknowledged")
class ClaimsToHaveMore(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        answer = super().hand_over(events)
        more = {"a-stranger"} if self.calls == 1 and len(events) == 3 and self.tray.room is None else set()
        return Delivery(answer.delivered | more, answer.rejected, answer.retry_after_seconds)


@breaks("one_event_is_delivered")
class SendsASingleOneTwice(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        if len(events) == 1:
            super().hand_over(events)
        return super().hand_over(events)


@breaks("a_full_batch_is_delivered")
class HasRoomForFive(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        if len(events) == 6 and not any(event.attributes.get("poison") for event in events):
            return super().hand_over(events[:5])
        return super().hand_over(events)


@breaks("an_empty_batch_is_harmless")
class BreaksOverNothing(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        return super().hand_over(events) if events else Delivery(frozenset({"nothing"}))


@breaks("the_same_batch_again_is_acknowledged_again")
class SilentAboutRepeats(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        if len(events) != 2:
            return super().hand_over(events)
        return super().hand_over([event for event in events if event.event_id not in self.tray.ids()])


@breaks("a_repeated_event_arrives_under_the_same_id")
class NumbersRepeats(TraySink):
    def put(self, event: Event) -> None:
        name = f"{event.event_id}-again" if event.event_id in self.tray.ids() else event.event_id
        self.tray.lines.append((name, self.text_of(event)))
        self.tray.room = None if self.tray.room is None else self.tray.room - 1


@breaks("an_answer_is_about_its_own_batch")
class AnswersForAllItEverGot(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        answer = super().hand_over(events)
        if len(events) == 2 and events[0].event_id.endswith("3") and self.calls == 2:
            return Delivery(answer.delivered | {*self.tray.ids()}, answer.rejected)
        return answer


@breaks("events_arrive_in_order")
class PutsTheLastFirst(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        return super().hand_over(events if self.tray.room is not None else [*reversed(events)])


@breaks("of_a_batch_taken_in_part_that_part_is_acknowledged")
class AcknowledgesWhatHadNoRoom(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        narrow = bool(self.tray.room)
        answer = super().hand_over(events)
        return Delivery.done(events) if narrow else answer


@breaks("of_a_batch_taken_in_part_that_part_is_acknowledged")
class ForgetsWhatHadRoom(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        answer = super().hand_over(events)
        return Delivery.retry_after(1.0) if answer.retry_after_seconds else answer


@breaks("an_atomic_sink_takes_several_events_of_one_record")
class KeepsTheLatestOfARecord(AtomicTraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        latest = {event.entity_id or event.event_id: event for event in events}
        taken = super().hand_over(list(latest.values()))
        return Delivery.done(events) if len(latest) < len(events) else taken


@breaks("an_atomic_sink_takes_several_events_of_one_record")
class TellsARecordBackwards(AtomicTraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        one_record = len({event.entity_id or event.event_id for event in events}) == 1
        return super().hand_over([*reversed(events)] if one_record else events)


@breaks("an_atomic_sink_takes_no_part_of_a_batch")
class TakesAPartAsWell(TraySink):
    atomic = True


@breaks("an_atomic_sink_takes_no_part_of_a_batch")
class KeepsAPartAndSaysNothing(TraySink):
    atomic = True

    def hand_over(self, events: list[Event]) -> Delivery:
        answer = super().hand_over(events)
        return Delivery.retry_after(1.0) if answer.retry_after_seconds else answer


@breaks("one_poison_event_does_not_hold_back_the_others")
class RejectsAllForOne(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        bad = any(event.attributes.get("poison") for event in events)
        return Delivery.reject(events, "something in it is bad") if bad else super().hand_over(events)


@breaks("one_poison_event_does_not_hold_back_the_others")
class SwallowsPoison(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        answer = super().hand_over(events)
        return Delivery(answer.delivered | answer.rejected.keys(), {}, answer.retry_after_seconds)


@breaks("any_text_is_delivered")
class KnowsOnlyAscii(TraySink):
    def put(self, event: Event) -> None:
        f"{event.entity_id}".encode("ascii")
        super().put(event)


@breaks("missing_parts_and_nested_attributes_are_delivered")
class NeedsAnEntity(TraySink):
    def put(self, event: Event) -> None:
        assert event.entity_id is not None or event.category == "digest"
        super().put(event)


@breaks("big_attributes_do_not_break_it")
class WaitsForSmallerOnes(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        return super().hand_over([event for event in events if len(str(event.attributes)) < 100_000])


@breaks("events_are_not_changed")
class SortsInPlace(TraySink):
    def put(self, event: Event) -> None:
        event.attributes.get("nested", {}).get("list", []).sort()
        super().put(event)


@breaks("digests_are_delivered")
class KnowsHourlyDigestsOnly(TraySink):
    def hand_over(self, events: list[Event]) -> Delivery:
        first = [event for event in events if event.attributes.get("kind") == "first"]
        answer = super().hand_over([event for event in events if event not in first])
        return Delivery(answer.delivered, {**answer.rejected, **{event.event_id: "no idea" for event in first}})


@breaks("digests_are_delivered")
class DropsDigests(TraySink):
    def put(self, event: Event) -> None:
        if event.category != "digest":
            super().put(event)


@breaks("nothing_but_the_event_is_sent")
class SendsTheEnvironment(TraySink):
    def text_of(self, event: Event) -> str:
        return super().text_of(event) + str(dict(os.environ))


@breaks("nothing_but_the_event_is_sent")
class SendsItsKey(TraySink):
    def text_of(self, event: Event) -> str:
        return f"{super().text_of(event)} signed with {KEY}"


@breaks("nothing_but_the_event_is_sent")
class SendsReprs(TraySink):
    def text_of(self, event: Event) -> str:
        return repr(event)
