"""Jobs that break one rule each about declarations, reads, keys and mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, ClassVar

from builders.roster_job import RosterJob, breaks
from busway.contracts.fields import FieldRule, always
from busway.contracts.jobs import Job
from busway.contracts.records import Complete, Pending, Record, Skip
from busway.contracts.runs import Run
from busway.errors import IncompleteReadError, RefusedError


@breaks("its_declarations_are_of_the_right_kind")
class WritesNothingAtOnce(RosterJob):
    concurrency = 0


@breaks("its_declarations_are_of_the_right_kind")
class ForgetsTheComma(RosterJob):
    depends_on = "titles"


@breaks("its_declarations_are_of_the_right_kind")
class HasANameOfTwoWords(RosterJob):
    name = "all people"


@breaks("it_can_do_what_it_declares")
class CannotReactivate(RosterJob):
    reactivate = Job.reactivate


@breaks("it_can_do_what_it_declares")
class CannotUpdate(RosterJob):
    update = Job.update


@breaks("its_declarations_agree_with_each_other")
class DependsOnItself(RosterJob):
    depends_on = ("titles", "people")


@breaks("its_declarations_agree_with_each_other")
class RefersToAJobItDoesNotWaitFor(RosterJob):
    depends_on = ()


@breaks("its_declarations_agree_with_each_other")
class CouldDoWithoutItsKey(RosterJob):
    fields: ClassVar[Mapping[str, FieldRule]] = {**RosterJob.fields, "number": always.optional()}


@breaks("its_declarations_agree_with_each_other")
class OverrulesPeople(RosterJob):
    fields: ClassVar[Mapping[str, FieldRule]] = {**RosterJob.fields, "active": always}


@breaks("the_source_gives_plain_records")
class GivesDates(RosterJob):
    def read_rows(self) -> Iterator[Record]:
        return ({**row, "Since": date(2020, 1, 1)} for row in super().read_rows())


@breaks("the_source_is_the_same_when_it_is_read_again")
class LosesTheLastRowOnTheSecondRead(RosterJob):
    def read_rows(self) -> Iterator[Record]:
        rows = list(super().read_rows())
        return iter(rows[:-1] if self.sources == 2 else rows)


@breaks("the_target_vouches_for_all_its_records")
class ReturnsAList(RosterJob):
    def target(self, run: Run) -> Complete[Record]:
        return [*super().target(run)]  # type: ignore[return-value]


@breaks("the_target_vouches_for_all_its_records")
class ReadsDates(RosterJob):
    def read_pages(self) -> list[Record]:
        return [{**held, "since": date(2020, 1, 1)} for held in super().read_pages()]


@breaks("target_records_have_ids")
class GivesOneIdToTwo(RosterJob):
    def target(self, run: Run) -> Complete[Record]:
        """The copy has no key, so that nothing else is wrong with it."""
        held = [*super().target(run)]
        return Complete([*held, {**held[0], "number": None, "email": None}] if self.reads == 2 and held else held)


@breaks("the_target_is_read_afresh")
class ReadsOnceInARun(RosterJob):
    def target(self, run: Run) -> Complete[Record]:
        read = super().target
        return Complete(run.data.get_or_populate("roster.people", loader=lambda: [*read(run)]))


@breaks("a_source_that_breaks_raises")
class EndsEarly(RosterJob):
    def read_rows(self) -> Iterator[Record]:
        try:
            yield from super().read_rows()
        except IncompleteReadError:
            return


@breaks("a_source_that_breaks_raises")
class RaisesWhatCameUp(RosterJob):
    def read_rows(self) -> Iterator[Record]:
        try:
            yield from super().read_rows()
        except IncompleteReadError:
            raise ValueError("row") from None


@breaks("a_target_that_breaks_raises")
class TakesWhatItGets(RosterJob):
    def read_pages(self) -> list[Record]:
        held: list[Record] = []
        while page := self.page(len(held))[0]:
            held += page
        return held


@breaks("a_target_that_breaks_raises")
class TakesAShortPageForARefusal(RosterJob):
    def incomplete(self) -> Exception:
        return RefusedError("TEST06", "a page came short", where="roster", fix="run again")


@breaks("source_records_have_match_keys")
class HasARowWithoutANumber(RosterJob):
    def read_rows(self) -> Iterator[Record]:
        rows = list(super().read_rows())
        return iter([*rows, {**rows[0], "No": " ", "Mail": "gus@example.test"}])


@breaks("source_keys_are_unique")
class HasARowTwice(RosterJob):
    def read_rows(self) -> Iterator[Record]:
        rows = list(super().read_rows())
        return iter([*rows, rows[3]])


@breaks("target_keys_are_unique")
class HasAPersonTwice(RosterJob):
    was_empty = False

    def target(self, run: Run) -> Complete[Record]:
        held = [*super().target(run)]
        self.was_empty = self.was_empty or (self.reads == 1 and not held)
        return Complete([*held, {**held[-1], "id": 900}] if self.was_empty and self.reads == 2 and held else held)


@breaks("mapping_is_repeatable_and_changes_nothing")
class CountsWhatItMaps(RosterJob):
    mapped = 0

    def map(self, record: Record, run: Run) -> Record | Skip:
        self.mapped += 1
        made = super().map(record, run)
        return {**made, "seen": self.mapped} if isinstance(made, dict) else made


@breaks("mapping_is_repeatable_and_changes_nothing")
class StripsInPlace(RosterJob):
    def map(self, record: Record, run: Run) -> Record | Skip:
        made = super().map(record, run)
        record.pop("Phone")
        return made


@breaks("mapped_records_hold_plain_values")
class MapsToDates(RosterJob):
    def map(self, record: Record, run: Run) -> Record | Skip:
        made = super().map(record, run)
        return {**made, "since": date(2020, 1, 1)} if isinstance(made, dict) else made


@breaks("a_preview_can_be_mapped")
class CalculatesWithIds(RosterJob):
    def title(self, name: Any, run: Run) -> Any:
        return int(super().title(name, run) or 0) or None


@breaks("a_preview_can_be_mapped")
class LeavesOutWhoIsPending(RosterJob):
    def map(self, record: Record, run: Run) -> Record | Skip:
        made = super().map(record, run)
        pending = isinstance(made, dict) and isinstance(made["title_id"], Pending)
        return Skip("has a title that is not there yet") if pending else made


@breaks("an_empty_source_value_never_clears_the_target")
class WritesNone(RosterJob):
    def text(self, value: Any) -> str:
        return str(value).strip()


@breaks("an_empty_source_value_never_clears_the_target")
class WritesAPlaceholderAsAChange(RosterJob):
    """What it takes for a value is nothing, once it is stripped."""

    def shape(self, record: Record) -> Record:
        return {**super().shape(record), **({"phone": ""} if record.get("town") == "?" else {})}

    def text(self, value: Any) -> str:
        return super().text(value) or "?"
