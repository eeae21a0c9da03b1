"""diffsync, as its documentation has one use it: what ``sync.py`` puts beside Busway."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import structlog
from diffsync import Adapter, DiffSyncModel
from sync_people import FIELDS, NUMBERS, Person

__all__ = ["diffsync_side"]

ATTRIBUTES = tuple(name for name in FIELDS if name != "emp_id")
TYPES: dict[str, Any] = {name: int | None if name in NUMBERS else str | None for name in ATTRIBUTES}
Employee: Any = type(
    "Employee",
    (DiffSyncModel,),
    {
        "_modelname": "employee",
        "_identifiers": ("emp_id",),
        "_attributes": ATTRIBUTES,
        "__annotations__": {"emp_id": str, **TYPES},
        "__module__": __name__,
        **dict.fromkeys(ATTRIBUTES),
    },
)


class Side(Adapter):  # type: ignore[misc]
    """One side, held in memory."""

    top_level = ("employee",)
    employee = Employee


def diffsync_side(name: str, people: Iterable[Person]) -> Any:
    """A side that holds ``people``, each of them validated by its model."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    side = Side(name=name)
    for person in people:
        side.add(Employee(**person))
    return side
