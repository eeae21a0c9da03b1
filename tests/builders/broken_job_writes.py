"""Jobs that break one rule each about writes, lifecycles and what a run leaves behind."""

from __future__ import annotations

import threading

from builders.roster_job import Roster, RosterJob, breaks
from busway.contracts.keys import exact
from busway.contracts.records import Complete, Record, Skip
from busway.contracts.runs import Run
from busway.errors import RejectedRecordError


@breaks("a_create_answers_with_the_record_and_its_id")
class AnswersWithWhatItWasHanded(RosterJob):
    def create(self, record: Record) -> Record:
        answer = super().create(record)
        alone = threading.current_thread() is threading.main_thread() and not self.finds
        return dict(record) if alone and self.creates == 4 else answer


@breaks("what_was_created_is_read_back_as_it_was_sent")
class LosesTheFourthPhone(RosterJob):
    """A field that is written when it is empty: once it is lost, nothing would tell."""

    def made_of(self, record: Record) -> Record:
        made = super().made_of(record)
        return {**made, "phone": ""} if self.creates == 4 and self.reads == 3 else made


@breaks("it_finds_what_it_created")
class FindsTheFirstOne(RosterJob):
    def find(self, record: Record) -> Record | None:
        found = super().find(record)
        return self.read_pages()[0] if found and self.creates > 1 else found


@breaks("it_finds_nothing_that_is_not_there")
class FindsSomebody(RosterJob):
    def find(self, record: Record) -> Record | None:
        held = self.read_pages()
        return super().find(record) or (held[0] if held else None)


@breaks("after_a_run_there_is_nothing_to_do")
class WritesTownsInCapitalsInTheNextRun(RosterJob):
    def map(self, record: Record, run: Run) -> Record | Skip:
        made = super().map(record, run)
        next_run = (self.creates, self.sources, self.reads) == (4, 2, 2)
        return {**made, "town": made["town"].upper()} if next_run and isinstance(made, dict) else made


@breaks("a_new_job_has_nothing_left_to_do")
class KnowsOnlyItsOwn(RosterJob):
    """It recognises a record by having written it, which the next process has not."""

    def __init__(self, roster: Roster, source: list[Record] | None = None) -> None:
        super().__init__(roster, source)
        self.there_before = {one["id"] for one in roster.records.values() if one.get("town")}

    def target(self, run: Run) -> Complete[Record]:
        return Complete(one for one in super().target(run) if one["id"] not in self.there_before)


@breaks("an_update_changes_what_was_sent_and_nothing_else")
class ClearsWhatWasNotSent(RosterJob):
    def write(self, current: Record, changes: Record) -> Record:
        absent = {"phone": ""} if "active" not in changes and "phone" not in changes else {}
        return super().write(current, {**absent, **changes})


@breaks("an_update_changes_what_was_sent_and_nothing_else")
class AcceptsAndIgnores(RosterJob):
    def write(self, current: Record, changes: Record) -> Record:
        return super().write(current, changes if {"active", "number"} & changes.keys() else {})


@breaks("an_update_leaves_other_records_alone")
class WritesTwoAtOnce(RosterJob):
    def update(self, current: Record, changes: Record) -> Record:
        for other in self.read_pages():
            if other["id"] != current["id"]:
                self.roster.put(other["id"], {"town": "Elsewhere"})
        return super().update(current, changes)


@breaks("an_update_answers_with_the_record")
class AnswersTrue(RosterJob):
    def update(self, current: Record, changes: Record) -> Record:
        return bool(super().update(current, changes))  # type: ignore[return-value]


@breaks("an_update_of_nobody_is_no_success")
class AnswersForNobody(RosterJob):
    def write(self, current: Record, changes: Record) -> Record:
        if current["id"] not in self.roster.records:
            return {**current, **changes}
        return super().write(current, changes)


@breaks("an_update_of_nobody_is_no_success")
class MakesWhoIsNotThere(RosterJob):
    def write(self, current: Record, changes: Record) -> Record:
        if current["id"] not in self.roster.records:
            self.roster.add({**current, **changes})
        return super().write(current, changes)


@breaks("what_every_update_demands_can_be_read")
class DemandsWhatNobodyReads(RosterJob):
    always_send = ("name", "badge")


@breaks("what_it_is_handed_is_not_changed")
class AddsToWhatItIsHanded(RosterJob):
    def create(self, record: Record) -> Record:
        answer = super().create(record)
        record["id"] = answer["id"]
        return answer


@breaks("what_it_is_handed_is_not_changed")
class UpdatesTheRecordItIsHanded(RosterJob):
    def update(self, current: Record, changes: Record) -> Record:
        answer = super().update(current, changes)
        changes["updated"] = True
        return answer


@breaks("a_leaver_is_deactivated_and_still_there")
class SaysThatSomebodyIsInactive(RosterJob):
    def deactivate(self, current: Record) -> Record:
        return {**current, "active": False}


@breaks("a_deactivation_changes_nothing_else")
class ForgetsWhoLeaves(RosterJob):
    def deactivate(self, current: Record) -> Record:
        return super().write(current, {"active": False, "phone": ""})


@breaks("others_stay_when_one_leaves")
class SendsTheLastOneHomeToo(RosterJob):
    def deactivate(self, current: Record) -> Record:
        last = self.read_pages()[-1]
        self.roster.put(last["id"], {"active": False})
        return super().deactivate(current)


@breaks("a_returner_is_reactivated_as_the_same_record")
class MakesANewOneOfAReturner(RosterJob):
    def reactivate(self, current: Record, changes: Record) -> Record:
        if changes == {"name": current["name"]}:
            del self.roster.records[current["id"]]
            return self.roster.add({**current, "active": True})
        return super().reactivate(current, changes)


@breaks("a_returner_brings_its_changes")
class ReactivatesAndNothingMore(RosterJob):
    def reactivate(self, current: Record, changes: Record) -> Record:
        return super().write(current, {"active": True})


@breaks("the_answers_are_the_record")
class AnswersNothing(RosterJob):
    def deactivate(self, current: Record) -> Record:
        super().deactivate(current)
        return None  # type: ignore[return-value]


@breaks("a_record_that_was_there_before_is_adopted")
class AdoptsWithoutTheKey(RosterJob):
    def write(self, current: Record, changes: Record) -> Record:
        return super().write(current, {name: value for name, value in changes.items() if name != "number"})


@breaks("a_record_that_was_there_before_is_adopted")
class AdoptsByPhone(RosterJob):
    adopt_on = (exact("phone"),)


@breaks("several_threads_may_write")
class KeepsWhatItWritesInOnePlace(RosterJob):
    def __init__(self, roster: Roster, source: list[Record] | None = None) -> None:
        super().__init__(roster, source)
        self.arrived = threading.Barrier(2)

    def create(self, record: Record) -> Record:
        self.current = record
        if threading.current_thread() is not threading.main_thread():
            self.meet()
        return super().create(self.current)

    def meet(self) -> None:
        try:
            self.arrived.wait(0.05)
        except threading.BrokenBarrierError:
            self.arrived.reset()


@breaks("several_threads_may_write")
class NumbersThemItself(RosterJob):
    def create(self, record: Record) -> Record:
        answer = super().create(record)
        return {**answer, "id": 1} if threading.current_thread() is not threading.main_thread() else answer


@breaks("other_threads_may_call_it")
class BelongsToItsThread(RosterJob):
    def __init__(self, roster: Roster, source: list[Record] | None = None) -> None:
        super().__init__(roster, source)
        self.thread = threading.current_thread()

    def target(self, run: Run) -> Complete[Record]:
        if threading.current_thread() is not self.thread:
            raise RejectedRecordError("made in another thread")
        return super().target(run)


@breaks("closing_twice_is_harmless")
class ClosesOnce(RosterJob):
    def close(self) -> None:
        super().close()
        if self.closed == 2:
            raise ValueError("closed already")


@breaks("closing_before_the_first_read_is_harmless")
class ClosesWhatItReadFrom(RosterJob):
    def close(self) -> None:
        super().close()
        if not self.reads and not self.creates and self.sources == 0:
            raise AttributeError("connection")
