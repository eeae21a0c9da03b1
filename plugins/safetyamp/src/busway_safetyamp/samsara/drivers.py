"""Which employee a driver is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from busway.contracts.records import Record
from busway_safetyamp.normalise import collapse_blanks

__all__ = ["driver_numbers", "employee_number_of"]


def employee_number_of(driver: Mapping[str, Any], *, key: str, pattern: str) -> str | None:
    """The employee number of a driver: its external id ``key``, else what ``pattern`` finds in its notes.

    ``None`` when there is none, or when the notes hold several different ones: a guess would put somebody else's
    name on a vehicle.
    """
    external = driver.get("externalIds")
    given = collapse_blanks(external.get(key)) if key and isinstance(external, Mapping) else ""
    if given:
        return given
    notes = driver.get("notes")
    matches = re.finditer(pattern, notes) if isinstance(notes, str) else ()
    found = {match[match.re.groups] for match in matches} - {"", None}
    return found.pop() if len(found) == 1 else None


def driver_numbers(drivers: Iterable[Record], *, key: str, pattern: str) -> dict[str, str]:
    """Driver id to employee number, for those who have one."""
    numbers = ((driver["id"], employee_number_of(driver, key=key, pattern=pattern)) for driver in drivers)
    return {str(driver): number for driver, number in numbers if number}
