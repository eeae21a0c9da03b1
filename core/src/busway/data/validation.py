"""The validation bridge: a record through the validators of its entity."""

from __future__ import annotations

from collections.abc import Sequence

from busway.contracts.records import Record
from busway.contracts.validators import Validation, Validator

__all__ = ["run_chain"]


def run_chain(validators: Sequence[Validator], record: Record) -> Validation:
    """The verdict of all ``validators``, in order: each receives the record the one before returned.

    None is left out after an error, so that a person sees everything that is wrong at once. What a validator raises
    is a bug in it and passes through.
    """
    errors: list[str] = []
    warnings: list[str] = []
    for validator in validators:
        verdict = validator.validate(record)
        record = verdict.record
        errors.extend(verdict.errors)
        warnings.extend(verdict.warnings)
    return Validation(record, tuple(errors), tuple(warnings))
