"""Jobs that break one rule each about refusals, outages and what people are told."""

from __future__ import annotations

import socket

from builders.roster_job import PRIVATE, TOKEN, Roster, RosterJob, breaks
from busway.contracts.records import Record, Skip
from busway.contracts.runs import Run
from busway.errors import RefusedError, RejectedRecordError, UnreachableError


@breaks("a_refused_record_is_told_with_its_fields")
class DoesNotNameTheField(RosterJob):
    def refusal(self, record: Record) -> Exception:
        return RejectedRecordError("the roster refused the person", where="roster")


@breaks("a_refused_record_is_told_with_its_fields")
class EndsTheJobForOneRecord(RosterJob):
    def refusal(self, record: Record) -> Exception:
        return RefusedError("TEST07", "the roster refused", where="roster", fix="mend the person")


@breaks("a_refused_record_leaves_nothing_behind")
class AddsWhatIsRefused(RosterJob):
    def refusal(self, record: Record) -> Exception:
        self.roster.add({"number": "999", "active": True})
        return super().refusal(record)


@breaks("the_next_record_is_written_after_a_refusal")
class GivesUpAfterARefusal(RosterJob):
    refused = False

    def create(self, record: Record) -> Record:
        if self.refused:
            raise self.outage()
        return super().create(record)

    def refusal(self, record: Record) -> Exception:
        self.refused = True
        return super().refusal(record)


@breaks("a_target_that_fails_is_an_outage")
class IsSureThatNothingHappened(RosterJob):
    def outage(self) -> Exception:
        error = UnreachableError("TEST02", "the roster broke down", where="roster", fix="wait")
        error.ambiguous = self.roster.loses_answer
        return error


@breaks("a_target_that_fails_is_an_outage")
class BlamesTheRecord(RosterJob):
    def knock(self, *, writing: bool = False) -> None:
        if self.roster.failing and writing:
            raise RejectedRecordError("the roster refused the person", where="roster")
        super().knock(writing=writing)


@breaks("a_target_that_is_away_is_an_outage")
class DoesNotKnowThatNobodyListened(RosterJob):
    def away(self) -> Exception:
        return UnreachableError("TEST01", "the roster is away", where="roster", fix="bring it back")


@breaks("a_target_that_is_away_is_an_outage")
class ReadsAnEmptyRosterWhileItIsAway(RosterJob):
    def read_pages(self) -> list[Record]:
        return [] if self.roster.away else super().read_pages()


@breaks("a_target_that_asks_to_wait_is_waited_for")
class DoesNotListenHowLong(RosterJob):
    def wait(self) -> Exception:
        error = UnreachableError("TEST03", "the roster is busy", where="roster", fix="wait")
        error.ambiguous = False
        return error


@breaks("a_target_that_asks_to_wait_is_waited_for")
class ThinksItMayHaveHappened(RosterJob):
    def wait(self) -> Exception:
        error = UnreachableError("TEST03", "the roster is busy", where="roster", fix="wait")
        error.retry_after_seconds = 2.5
        return error


@breaks("a_lost_answer_is_ambiguous_and_its_record_is_found")
class TakesALostAnswerForNothing(RosterJob):
    def lost(self) -> Exception:
        error = UnreachableError("TEST02", "the roster broke down", where="roster", fix="wait")
        error.ambiguous = False
        return error


@breaks("a_lost_answer_is_ambiguous_and_its_record_is_found")
class CannotFindWhatItLost(RosterJob):
    def find(self, record: Record) -> Record | None:
        return None if self.roster.loses_answer else super().find(record)


@breaks("labels_tell_no_personal_value")
class IsRecognisedByName(RosterJob):
    def label(self, record: Record) -> str:
        return f"{super().label(record)} {record.get('name', '').upper()}"


@breaks("labels_tell_no_personal_value")
class IsRecognisedByAPartOfTheName(RosterJob):
    def label(self, record: Record) -> str:
        return f"{super().label(record)} ({str(record.get('name') or '- -').split()[-1]})"


@breaks("a_label_is_one_line_for_every_record")
class NeedsANumberForALabel(RosterJob):
    def label(self, record: Record) -> str:
        return f"person {record['number']}"


@breaks("a_label_is_one_line_for_every_record")
class LabelsInTwoLines(RosterJob):
    def label(self, record: Record) -> str:
        return f"{super().label(record)}\nof the roster"


@breaks("reasons_and_notes_tell_no_personal_value")
class GivesTheStreetAsAReason(RosterJob):
    def skip(self, record: Record, run: Run) -> Skip:
        return Skip(f"has no address, but lives in {record['Street']}")


@breaks("reasons_and_notes_tell_no_personal_value")
class NotesWhoWasSkipped(RosterJob):
    def skip(self, record: Record, run: Run) -> Skip:
        run.note("has no address", name=record["Name"])
        return super().skip(record, run)


@breaks("errors_tell_no_personal_value_and_no_secret")
class TellsTheAddressThatIsTaken(RosterJob):
    def refusal(self, record: Record) -> Exception:
        fields = {"email": [f"{record['email']} is not taken"]}
        return RejectedRecordError("the roster refused the person", where="roster", fields=fields)


@breaks("errors_tell_no_personal_value_and_no_secret")
class TellsItsToken(RosterJob):
    def away(self) -> Exception:
        error = UnreachableError("TEST01", "the roster is away", where=f"roster?key={TOKEN}", fix="bring it back")
        error.ambiguous = False
        return error


@breaks("errors_tell_no_personal_value_and_no_secret")
class KeepsTheErrorBehindTheError(RosterJob):
    def page(self, start: int) -> tuple[list[Record], int]:
        self.knock()
        try:
            return self.roster.page(start, self.page_size)
        except TimeoutError as error:
            raise self.outage() from ValueError(f"{error} about {PRIVATE}")


@breaks("errors_tell_no_personal_value_and_no_secret")
class HidesTheErrorBehindTheError(RosterJob):
    """Raised in the except block, so that it carries the other one along."""

    def away(self) -> Exception:
        error = super().away()
        error.__context__ = ValueError(f"Illegal header value b'Bearer {TOKEN}'")
        error.__suppress_context__ = True
        return error


@breaks("errors_say_what_to_do")
class KnowsNoWayOut(RosterJob):
    def incomplete(self) -> Exception:
        error = super().incomplete()
        return type(error)("TEST04", "a page came short", where="roster")  # type: ignore[call-arg]


@breaks("errors_say_what_to_do")
class DoesNotSayWhere(RosterJob):
    def refusal(self, record: Record) -> Exception:
        return RejectedRecordError("the roster refused the person", fields={"email": ["is not taken"]})


@breaks("building_connects_to_nothing")
class ConnectsWhenItIsBuilt(RosterJob):
    def __init__(self, roster: Roster, source: list[Record] | None = None) -> None:
        super().__init__(roster, source)
        with socket.socket() as probe:
            probe.settimeout(0.01)
            probe.connect_ex(("127.0.0.1", 9))
