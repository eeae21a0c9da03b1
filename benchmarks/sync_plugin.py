"""A job over people held in memory, and a validator, as a plugin: what ``sync.py`` has Busway plan and write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError
from sync_people import FIELDS, NUMBERS, Person
from typing_extensions import TypedDict

from busway import (
    Complete,
    FieldRule,
    Job,
    PluginContext,
    Record,
    Run,
    Validation,
    always,
    create_only,
    exact,
    hookimpl,
)

__all__ = ["Employees", "TypeRule"]

Employee = TypedDict(  # type: ignore[misc]
    "Employee",
    {"emp_id": str} | {name: int | None if name in NUMBERS else str | None for name in FIELDS if name != "emp_id"},
)


class TypeRule:
    """Every field is there and of its type, judged by pydantic, as diffsync's models do it."""

    entity = "employee"

    def __init__(self) -> None:
        self._validate = TypeAdapter(Employee).validate_python

    def validate(self, record: Record) -> Validation:
        try:
            return Validation(self._validate(record))  # type: ignore[arg-type]
        except ValidationError as error:
            return Validation(record, tuple(f"{one['loc'][0]}: {one['type']}" for one in error.errors()))


class Employees(Job):
    """People by their number; both sides are in memory, and a write is answered at once."""

    name, entity = "employees", "employee"
    match_on = exact("emp_id")
    active_field = "system_access"
    fields: ClassVar[dict[str, FieldRule]] = {name: always.personal() for name in FIELDS} | {"emp_id": create_only}

    def __init__(self) -> None:
        self.people: list[Person] = []
        self.held: dict[str, Person] = {}
        """By id."""

    def source(self, run: Run) -> Iterable[Record]:
        return self.people

    def target(self, run: Run) -> Complete[Record]:
        return Complete(self.held.values())

    def create(self, record: Record) -> Record:
        return self._stored({**record, "id": f"t{record['emp_id']}"})

    def update(self, current: Record, changes: Record) -> Record:
        return self._stored({**current, **changes})

    def deactivate(self, current: Record) -> Record:
        return self._stored({**current, "system_access": 0})

    def _stored(self, record: Record) -> Record:
        self.held[record["id"]] = record
        return record


EMPLOYEES = Employees()


@hookimpl
def busway_jobs(context: PluginContext[Any]) -> Sequence[Job]:
    return [EMPLOYEES]


@hookimpl
def busway_validators(context: PluginContext[Any]) -> Sequence[TypeRule]:
    return [TypeRule()]
