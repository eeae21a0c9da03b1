"""What the validators have in common: fields that may be left out, and fields that must be there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from busway.contracts.records import Record
from busway_safetyamp.normalise import collapse_blanks

__all__ = ["OptionalRule", "drop_audit_fields", "missing", "normalise_optional", "tidy_texts"]

OptionalRule = tuple[Callable[[Any], Any], str]
"""What makes a value usable or gives ``None``, and what a value is that it gives ``None`` for."""

_SET_BY_THE_ACCOUNT = ("created_at", "created_by", "updated_at", "updated_by", "deleted_at", "deleted_by")


def tidy_texts(clean: Record, names: Iterable[str]) -> None:
    """Collapses the blanks of the texts in ``clean``; what is blank altogether is nothing."""
    for name in names:
        if name in clean:
            clean[name] = collapse_blanks(clean[name]) or None


def normalise_optional(clean: Record, rules: Mapping[str, OptionalRule]) -> list[str]:
    """Makes the optional values of ``clean`` usable, takes out those that are not, and returns a warning for each."""
    warnings = []
    for name, (normaliser, complaint) in rules.items():
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


def drop_audit_fields(clean: Record) -> list[str]:
    """Takes out what only the account may set, and returns a warning for each value it had."""
    given = [name for name in _SET_BY_THE_ACCOUNT if clean.pop(name, None) is not None]
    return [f"{name}: set by SafetyAmp, left out" for name in given]


def missing(clean: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """An error for each of ``names`` that has no value."""
    return [f"{name}: missing" for name in names if clean.get(name) in (None, "")]
