"""A job that keeps every rule of the contract, its target, and the register of the jobs that break one."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from busway.contracts.fields import FieldRule, always, create_only, if_empty
from busway.contracts.jobs import Job
from busway.contracts.keys import MatchKey, casefolded, exact
from busway.contracts.records import Complete, Record, Skip
from busway.contracts.runs import Run
from busway.errors import IncompleteReadError, RejectedRecordError, UnreachableError

TOKEN = "synthetic-token-of-the-roster"
TITLES: list[Record] = [{"id": 7, "name": "Welder"}, {"id": 8, "name": "Painter"}]
REFUSED: Record = {"number": "999", "name": "Nobody Takes", "email": "not-taken@example.test"}
PRIVATE = "Shelter-Lane-14"
"""Personal data of the source that no managed field holds."""


def people() -> list[Record]:
    """What the source has; the last one has no place in the target."""
    rows = [
        ("101", "Ada Lindqvist", "ada@example.test", "Springfield", "555-0101", "Welder"),
        ("102", "Ben Okafor", "ben@example.test", "Shelbyville", "555-0102", "Painter"),
        ("103", "Cyd Moreau", "cyd@example.test", "Ogdenville", "555-0103", "Welder"),
        ("104", "Dee Tanaka", "dee@example.test", "Brockway", "555-0104", "Painter"),
    ]
    names = ("No", "Name", "Mail", "Town", "Phone", "Title")
    made = [dict(zip(names, row, strict=True)) for row in rows]
    return [*made, {**made[0], "No": "199", "Mail": "", "Street": PRIVATE}]


@dataclass
class Roster:
    """The target of the specimens."""

    records: dict[int, Record] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    lock: Any = field(default_factory=threading.RLock)
    away: bool = False
    failing: bool = False
    waiting: bool = False
    loses_answer: bool = False
    short: bool = False
    """The last record is counted and never given."""
    page_fails: bool = False

    def page(self, start: int, size: int) -> tuple[list[Record], int]:
        """A page and the number of all records."""
        with self.lock:
            if self.page_fails and start:
                raise TimeoutError("no answer")
            held = [dict(record) for record in self.records.values()]
        return held[: len(held) - self.short][start : start + size], len(held)

    def add(self, record: Record) -> Record:
        with self.lock:
            made = {**record, "id": next(self.ids)}
            self.records[made["id"]] = made
            return dict(made)

    def put(self, target_id: int, changes: Record) -> Record:
        with self.lock:
            self.records[target_id].update(changes)
            return dict(self.records[target_id])


class RosterJob(Job):
    """A job that keeps every rule."""

    name: Any = "people"
    entity: Any = "person"
    depends_on: Any = ("titles",)
    match_on: ClassVar[MatchKey] = exact("number")
    adopt_on: ClassVar[tuple[MatchKey, ...]] = (casefolded("email"),)
    fields: ClassVar[Mapping[str, FieldRule]] = {
        "number": create_only,
        "name": always.personal(),
        "email": always.personal(),
        "town": always.optional(),
        "phone": if_empty.personal().optional(),
        "title_id": always.referring("titles").reading(lambda held: (held.get("title") or {}).get("id")),
    }
    always_send: Any = ("name",)
    active_field = "active"
    account = "roster"
    concurrency: Any = 4
    page_size = 2

    def __init__(self, roster: Roster, source: list[Record] | None = None) -> None:
        self.roster = roster
        self.rows = people() if source is None else source
        self.reads = self.creates = self.sources = self.finds = self.closed = 0

    def source(self, run: Run) -> Iterable[Record]:
        self.sources += 1
        return self.read_rows()

    def read_rows(self) -> Iterator[Record]:
        for row in self.rows:
            if row is None:
                raise IncompleteReadError("TEST05", "the source ends early", where="rows", fix="write it again")
            yield dict(row)

    def target(self, run: Run) -> Complete[Record]:
        self.reads += 1
        return Complete(self.read_pages())

    def read_pages(self) -> list[Record]:
        held: list[Record] = []
        while True:
            page, number = self.page(len(held))
            held += page
            if len(held) == number:
                return held
            if not page:
                raise self.incomplete()

    def page(self, start: int) -> tuple[list[Record], int]:
        self.knock()
        try:
            return self.roster.page(start, self.page_size)
        except TimeoutError:
            raise self.outage() from None

    def map(self, record: Record, run: Run) -> Record | Skip:
        if not record["Mail"]:
            return self.skip(record, run)
        run.note("titles are matched by name")
        return {
            "number": record["No"],
            "name": self.text(record["Name"]),
            "email": record["Mail"],
            "town": self.text(record["Town"]),
            "phone": self.text(record["Phone"]),
            "title_id": self.title(record["Title"], run),
        }

    def skip(self, record: Record, run: Run) -> Skip:
        return Skip("has no address")

    def text(self, value: Any) -> str:
        return str(value or "").strip()

    def title(self, name: Any, run: Run) -> Any:
        return next((title["id"] for title in run.target_of("titles") if title["name"] == name), None)

    def create(self, record: Record) -> Record:
        self.creates += 1
        self.knock(writing=True)
        if record["number"] == REFUSED["number"]:
            raise self.refusal(record)
        answer = self.roster.add(self.made_of(record))
        if self.roster.loses_answer:
            raise self.lost()
        return answer

    def made_of(self, record: Record) -> Record:
        return {"active": True, **self.shape(record)}

    def update(self, current: Record, changes: Record) -> Record:
        self.knock(writing=True)
        return self.write(current, self.shape(changes))

    def deactivate(self, current: Record) -> Record:
        return self.write(current, {"active": False})

    def reactivate(self, current: Record, changes: Record) -> Record:
        return self.write(current, {**self.shape(changes), "active": True})

    def write(self, current: Record, changes: Record) -> Record:
        if current["id"] not in self.roster.records:
            raise RejectedRecordError("the person is not there any more", where="roster", status=404)
        return self.roster.put(current["id"], changes)

    def shape(self, record: Record) -> Record:
        flat = {name: value for name, value in record.items() if name != "title_id"}
        return {**flat, "title": {"id": record["title_id"]}} if "title_id" in record else flat

    def find(self, record: Record) -> Record | None:
        self.finds += 1
        wanted = self.match_on.of(record)
        return next((held for held in self.read_pages() if self.match_on.of(held) == wanted), None)

    def label(self, record: Record) -> str:
        return f"person {record.get('number') or record.get('No') or '(no number)'}"

    def close(self) -> None:
        self.closed += 1

    def knock(self, *, writing: bool = False) -> None:
        if self.roster.away:
            raise self.away()
        if self.roster.failing and writing:
            raise self.outage()
        if self.roster.waiting and writing:
            raise self.wait()

    def away(self) -> Exception:
        error = UnreachableError("TEST01", "the roster is away", where="roster", fix="bring it back")
        error.ambiguous = False
        return error

    def outage(self) -> Exception:
        return UnreachableError("TEST02", "the roster broke down", where="roster", fix="wait until it is mended")

    def wait(self) -> Exception:
        error = UnreachableError("TEST03", "the roster is busy", where="roster", fix="nothing: it is tried again")
        error.ambiguous, error.retry_after_seconds = False, 2.5
        return error

    def lost(self) -> Exception:
        return self.outage()

    def incomplete(self) -> Exception:
        return IncompleteReadError("TEST04", "a page came short", where="roster", fix="run again")

    def refusal(self, record: Record) -> Exception:
        return RejectedRecordError("the roster refused the person", where="roster", fields={"email": ["is not taken"]})


@dataclass(frozen=True)
class Specimen:
    """A job that fails ``check``, and no other."""

    check: str
    job: type[RosterJob]


SPECIMENS: list[Specimen] = []


def breaks(check: str) -> Callable[[type[RosterJob]], type[RosterJob]]:
    """Enters a specimen."""

    def enter(made: type[RosterJob]) -> type[RosterJob]:
        SPECIMENS.append(Specimen(f"test_{check}", made))
        return made

    return enter
