"""The rules a title and an employee must meet before they may be written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from busway.contracts.records import Record
from busway.contracts.validators import Validation
from busway_safetyamp import normalise

__all__ = ["EmployeeValidator", "TitleValidator"]

REQUIRED = ("first_name", "last_name", "email", "emp_id", "home_site_id")
TEXTS = ("first_name", "middle_name", "last_name", "street", "city", "emp_id")


class TitleValidator:
    """A title has a name."""

    entity = "title"

    def validate(self, record: Record) -> Validation:
        """Collapses the blanks of ``name``, which must not be empty."""
        name = normalise.collapse_blanks(record.get("name"))
        return Validation({**record, "name": name}, errors=() if name else ("name: missing",))


class EmployeeValidator:
    """Normalises an employee in SafetyAmp's shape.

    A required field that is missing, or an e-mail address that is none, is an error. An optional value that cannot be
    used is left out with a warning; nothing is ever invented.
    """

    entity = "employee"

    def __init__(self, today: Callable[[], date]) -> None:
        self._today = today
        self._optional: dict[str, tuple[Callable[[Any], Any], str]] = {
            "mobile_phone": (normalise.phone, "not a phone number"),
            "work_phone": (normalise.phone, "not a phone number"),
            "gender": (normalise.gender, "neither M nor F"),
            "date_of_birth": (lambda value: normalise.birth_date(value, self._today()), "not a possible birth date"),
            "current_hire_date": (normalise.day, "not a date"),
            "zip_code": (normalise.zip_code, "neither 5 nor 5+4 digits"),
            "state": (normalise.state, "not two letters"),
        }

    def validate(self, record: Record) -> Validation:
        """Judges ``record`` and returns a normalised copy."""
        clean = dict(record)
        for name in TEXTS:
            if name in clean:
                clean[name] = normalise.collapse_blanks(clean[name]) or None
        warnings = self._normalise_optional(clean)
        errors = _judge_email(clean)
        errors += [f"{name}: missing" for name in REQUIRED if clean.get(name) in (None, "")]
        return Validation(clean, tuple(errors), tuple(warnings))

    def _normalise_optional(self, clean: Record) -> list[str]:
        warnings = []
        for name, (normaliser, complaint) in self._optional.items():
            value = clean.get(name)
            if value is None:
                continue
            if isinstance(value, str) and not value.strip():
                clean[name] = None
                continue
            clean[name] = normaliser(value)
            if clean[name] is None:
                # Taken out, not set to nothing: an unusable value must not clear what the target has.
                del clean[name]
                warnings.append(f"{name}: {complaint}, left out")
        return warnings


def _judge_email(clean: Record) -> list[str]:
    given = normalise.collapse_blanks(clean.get("email"))
    if not given:
        clean["email"] = None
        return []
    address = normalise.email(given)
    clean["email"] = address or given
    return [] if address else ["email: not an address"]
