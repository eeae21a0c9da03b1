"""The rules for an employee."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from busway.contracts.records import Record
from busway.contracts.validators import Validation
from busway_safetyamp import normalise
from busway_safetyamp.validators.rules import OptionalRule, drop_audit_fields, missing, normalise_optional, tidy_texts

__all__ = ["EmployeeValidator"]

REQUIRED = ("first_name", "last_name", "email", "emp_id", "home_site_id")
TEXTS = ("first_name", "middle_name", "last_name", "street", "street2", "city", "emp_id")


class EmployeeValidator:
    """Normalises an employee in SafetyAmp's shape.

    A required field that is missing, or an e-mail address that is none, is an error. An optional value that cannot be
    used is left out with a warning.

    :param today: the day it is where the people work.
    :param phone_country_code: calling code of telephone numbers written without one.
    :param genders: further words for a gender, in lower case.
    """

    entity = "employee"

    def __init__(
        self,
        today: Callable[[], date],
        *,
        phone_country_code: str = normalise.NORTH_AMERICA,
        genders: Mapping[str, int] | None = None,
    ) -> None:
        phone: OptionalRule = (lambda value: normalise.phone(value, phone_country_code), "not a phone number")
        self._optional: dict[str, OptionalRule] = {
            "mobile_phone": phone,
            "work_phone": phone,
            "gender": (lambda value: normalise.gender(value, genders), "neither M nor F"),
            "date_of_birth": (lambda value: normalise.birth_date(value, today()), "not a possible birth date"),
            "current_hire_date": (normalise.day, "not a date"),
            "zip_code": (normalise.zip_code, "neither 5 nor 5+4 digits"),
            "state": (normalise.state, "not two letters"),
        }

    def validate(self, record: Record) -> Validation:
        """Judges ``record`` and returns a normalised copy."""
        clean = dict(record)
        tidy_texts(clean, TEXTS)
        warnings = [*drop_audit_fields(clean), *normalise_optional(clean, self._optional)]
        errors = [*_judge_email(clean), *missing(clean, REQUIRED)]
        return Validation(clean, tuple(errors), tuple(warnings))


def _judge_email(clean: Record) -> list[str]:
    given = normalise.collapse_blanks(clean.get("email"))
    if not given:
        clean["email"] = None
        return []
    address = normalise.email(given)
    clean["email"] = address or given
    return [] if address else ["email: not an address"]
