"""Managed fields: which fields of the target a job owns, and when it may write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

__all__ = ["FieldPolicy", "FieldRule", "always", "create_only", "if_empty", "never"]


class FieldPolicy(StrEnum):
    """When a field is written."""

    ALWAYS = "always"
    """On create, and whenever it differs."""
    IF_EMPTY = "if_empty"
    """On create, and later only while the target has nothing there."""
    CREATE_ONLY = "create_only"
    """On create only; afterwards it belongs to the people who work in the target."""
    NEVER = "never"
    """Mapped for matching or validation, never written."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One managed field. Rules are made from the four policies and refined by their methods::

    fields = {
        "email": always.personal().optional(),
        "title_id": always.referring("titles").reading(lambda user: (user.get("title") or {}).get("id")),
        "roles": create_only,
    }
    """

    policy: FieldPolicy
    normaliser: Callable[[Any], Any] | None = None
    reader: Callable[[Mapping[str, Any]], Any] | None = None
    clear_when_empty: bool = False
    is_optional: bool = False
    is_personal: bool = False
    refers_to: str = ""

    def normalised(self, normaliser: Callable[[Any], Any]) -> FieldRule:
        """Compares ``normaliser(value)`` of both sides; what is written is not changed by it."""
        return replace(self, normaliser=normaliser)

    def reading(self, reader: Callable[[Mapping[str, Any]], Any]) -> FieldRule:
        """Takes the target's value from the whole target record, where it is read under another shape than written."""
        return replace(self, reader=reader)

    def clearing(self) -> FieldRule:
        """Lets an empty source value clear the target; without this it never does."""
        return replace(self, clear_when_empty=True)

    def optional(self) -> FieldRule:
        """The record may be written without it when the target refuses just this field."""
        return replace(self, is_optional=True)

    def referring(self, job: str) -> FieldRule:
        """Holds the id of a record of ``job``: a record that fails for it is tried again once that job has written.

        ``job`` is one of ``depends_on``, or the job itself, where records hang in a tree.
        """
        return replace(self, refers_to=job)

    def personal(self) -> FieldRule:
        """Personal data: shown in plans and events by policy only."""
        return replace(self, is_personal=True)


always = FieldRule(FieldPolicy.ALWAYS)
if_empty = FieldRule(FieldPolicy.IF_EMPTY)
create_only = FieldRule(FieldPolicy.CREATE_ONLY)
never = FieldRule(FieldPolicy.NEVER)
