"""People from a CSV file into a file of JSON lines: both ends of a job in one page."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from busway import (
    Complete,
    FieldRule,
    Job,
    PluginContext,
    Record,
    Run,
    Settings,
    always,
    create_only,
    exact,
    hookimpl,
    setting,
)
from busway.errors import IncompleteReadError, RejectedRecordError

COLUMNS = {"number", "name", "email"}


class PeopleSettings(Settings):
    """The two files."""

    source: Path = setting(env="ACME_PEOPLE_CSV", doc="CSV file with number, name and email, relative to busway.toml.")
    target: Path = setting(
        Path("people.jsonl"), env="ACME_PEOPLE_TARGET", doc="File with a line for each person, relative to busway.toml."
    )


class People(Job):
    """Creates and updates people by their number. The engine compares, plans, holds, applies and accounts."""

    name = "people"
    entity = "person"
    match_on = exact("number")
    fields: ClassVar[Mapping[str, FieldRule]] = {
        "number": create_only,
        "name": always.personal(),
        "email": always.personal(),
    }

    def __init__(self, source: Path, target: Path) -> None:
        self._source = source
        self._target = target

    def source(self, run: Run) -> Iterable[Record]:
        """Every person of the CSV file, or an error: a part of the file would read as people who left."""
        try:
            with self._source.open(encoding="utf-8", newline="") as file:
                people = list(csv.DictReader(file, strict=True))
        except (OSError, UnicodeError, csv.Error) as error:
            raise self._unreadable(str(error)) from error
        if any(person.keys() != COLUMNS or None in person.values() for person in people):
            raise self._unreadable(f"a line has not exactly {', '.join(sorted(COLUMNS))}")
        return people

    def target(self, run: Run) -> Complete[Record]:
        """Every person of the target. ``Complete`` is the promise that none is missing."""
        return Complete(self._people())

    def create(self, record: Record) -> Record:
        """Adds a person and returns it as it is stored, with its id."""
        people = self._people()
        created = {**record, "id": str(len(people) + 1)}
        self._write([*people, created])
        return created

    def update(self, current: Record, changes: Record) -> Record:
        """Writes what changed to a person and returns it as it is stored."""
        people = {person["id"]: person for person in self._people()}
        if current["id"] not in people:
            raise RejectedRecordError("the person is not there any more", where=str(self._target))
        people[current["id"]] |= changes
        self._write([*people.values()])
        return people[current["id"]]

    def find(self, record: Record) -> Record | None:
        """Looks a person up, for the engine to read back a create whose answer was lost."""
        return next((person for person in self._people() if person["number"] == record["number"]), None)

    def _people(self) -> list[Record]:
        if not self._target.exists():
            return []
        return [json.loads(line) for line in self._target.read_text("utf-8").splitlines()]

    def _write(self, people: list[Record]) -> None:
        aside = self._target.with_name(self._target.name + ".new")
        aside.write_text("".join(json.dumps(person) + "\n" for person in people), "utf-8")
        aside.replace(self._target)  # in one step: a kill leaves the old file or the new one, never half of one

    def _unreadable(self, why: str) -> IncompleteReadError:
        return IncompleteReadError(
            "ACME02",
            "the people cannot be read",
            where=str(self._source),
            why=why,
            fix="mend the file, or point ACME_PEOPLE_CSV at another",
        )


@hookimpl
def busway_settings() -> type[PeopleSettings]:
    return PeopleSettings


@hookimpl
def busway_jobs(context: PluginContext[PeopleSettings]) -> list[Job]:
    settings = context.settings
    return [People(context.root / settings.source, context.root / settings.target)]
