"""Validators: rules a record must meet before it may be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from busway.contracts.records import Record

__all__ = ["Validation", "Validator"]


@dataclass(frozen=True, slots=True)
class Validation:
    """The verdict on one record."""

    record: Record
    """The record after normalisation; handed to the next validator, or written."""
    errors: tuple[str, ...] = ()
    """``field: reason``, without the value. One is enough to make the record invalid."""
    warnings: tuple[str, ...] = ()
    """Things a person may want to know; the record stays valid."""

    @property
    def valid(self) -> bool:
        """No errors."""
        return not self.errors


@runtime_checkable
class Validator(Protocol):
    """The rules for one entity.

    Validators of an entity run in configured order and each receives the record the one before returned.
    They are pure: no input is changed, no remote is asked, the same record gives the same verdict.
    """

    entity: str
    """The entity it is for, such as ``employee``."""

    def validate(self, record: Record) -> Validation:
        """Judges ``record`` and returns a normalised copy."""
        ...
