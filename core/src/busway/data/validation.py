"""The validation bridge: a record through the validators of its entity."""

from __future__ import annotations

from collections.abc import Sequence

from busway.contracts.records import Record
from busway.contracts.validators import Validation, Validator
from busway.plugins.origins import origin_of

__all__ = ["run_chain"]


def run_chain(validators: Sequence[Validator], record: Record) -> Validation:
    """The verdict of all ``validators``, in order: each receives the record the one before returned.

    None is left out after an error, so that a person sees everything that is wrong at once. A validator that raises
    makes the record invalid and is named; the text of its error may hold data and is left out.
    """
    errors: list[str] = []
    warnings: list[str] = []
    for validator in validators:
        try:
            verdict = validator.validate(record)
        except Exception as error:
            errors.append(_raised(validator, error))
            continue
        record = verdict.record
        errors.extend(verdict.errors)
        warnings.extend(verdict.warnings)
    return Validation(record, tuple(errors), tuple(warnings))


def _raised(validator: Validator, error: Exception) -> str:
    origin = origin_of(validator)
    whose = f" of {origin.owner}" if origin else ""
    return f"validator {type(validator).__name__}{whose} raised {type(error).__name__}"
