"""The job ``titles``: every title that an active person has exists in SafetyAmp."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from busway.contracts.fields import FieldRule, create_only
from busway.contracts.jobs import Job
from busway.contracts.keys import casefolded
from busway.contracts.records import Complete, Record
from busway.contracts.runs import Run
from busway_safetyamp.connections import Connections
from busway_safetyamp.jobs import ACCOUNT, WRITES_AT_ONCE
from busway_safetyamp.jobs.mapping import Managed, rules_of
from busway_safetyamp.normalise import collapse_blanks

__all__ = ["Titles"]


class Titles(Job):
    """Creates missing titles. A title that differs only by case or blanks is the same; none is ever deleted."""

    mapping: ClassVar[tuple[Managed, ...]] = (
        Managed("name", "PREH.udEmpTitle", create_only, note="Each spelling of active people once."),
    )
    name = "titles"
    entity = "title"
    account = ACCOUNT
    concurrency = WRITES_AT_ONCE
    match_on = casefolded("name")
    distinct = True
    fields: ClassVar[Mapping[str, FieldRule]] = rules_of(mapping)

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def source(self, run: Run) -> Iterable[Record]:
        """The titles of the active people, each spelling once."""
        people = run.data.get_or_populate("vista.employees", loader=self._connections.vista.employees)
        names = dict.fromkeys(collapse_blanks(person["udEmpTitle"]) for person in people)
        return [{"name": name} for name in names if name]

    def target(self, run: Run) -> Complete[Record]:
        """Every title of SafetyAmp."""
        return self._connections.safetyamp.titles()

    def create(self, record: Record) -> Record:
        """Creates one title."""
        return self._connections.safetyamp.create_title(record)

    def find(self, record: Record) -> Record | None:
        """Looks the title up by its name."""
        return self._connections.safetyamp.find_title(collapse_blanks(record.get("name")))

    def label(self, record: Record) -> str:
        """The title as it is written."""
        return f"title {collapse_blanks(record.get('name'))}"

    def close(self) -> None:
        """Closes the connections that the jobs of this plugin share."""
        self._connections.close()
