"""The plan: what a job would do, decided before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from busway.contracts.records import Complete, Record

if TYPE_CHECKING:
    from busway.sync.in_doubt import InDoubt

__all__ = ["IN_WORDS", "Action", "Change", "FieldChange", "Hold", "Plan", "Unplanned", "summarise"]


class Action(StrEnum):
    """What a change does to one target record."""

    CREATE = "create"
    UPDATE = "update"
    DEACTIVATE = "deactivate"
    REACTIVATE = "reactivate"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one change. ``old`` and ``new`` may be personal data: show them by policy only."""

    name: str
    old: Any = field(repr=False)
    new: Any = field(repr=False)
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One write the plan asks for."""

    action: Action
    key: str
    """The match key; the job's ``label`` makes it readable."""
    label: str
    record: Record = field(repr=False)
    """The mapped and validated source record; empty for a deactivation."""
    current: Record | None = field(default=None, repr=False)
    """The target record it is about; ``None`` for a create."""
    fields: tuple[FieldChange, ...] = ()
    adopts: bool = False
    """The target record was matched by another key and becomes managed with this write."""


@dataclass(frozen=True, slots=True)
class Unplanned:
    """A source record that got no change: skipped by the mapping, or invalid."""

    key: str
    label: str
    reasons: tuple[str, ...]
    """Without values: ``email: not an address``."""
    stage: str = "validate"
    """Where it fell out: ``map``, ``validate`` or ``match``."""
    code: str = "BW6001"
    """The error code; BW6002 when code of the job or a validator raised."""
    record: Record | None = field(default=None, repr=False)
    """The record as far as it came, which tells whether it is the same one that failed before."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A brake that holds the plan."""

    brake: str
    """Its name, such as ``deactivate_percent``."""
    what: str
    """``employees would deactivate 412 of 1,877 (22 %); the limit is 5 %.``"""
    why: str = ""
    where: str = ""
    """The job and the line of the setting."""
    count: int = 0
    """Records it is about: what somebody who allows it allows."""


@dataclass(slots=True)
class Plan:
    """What one job would do. Nothing in it has happened yet."""

    job: str
    entity: str
    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    skipped: list[Unplanned] = field(default_factory=list)
    invalid: list[Unplanned] = field(default_factory=list)
    quarantined: list[Unplanned] = field(default_factory=list)
    """Records that failed before and have no reason to be tried again."""
    recovered: list[str] = field(default_factory=list)
    """Key digests of quarantined records that fail no more: mended, written or gone."""
    partial: int = 0
    """Records written without a field that the target refused, which is not sent again as it is."""
    doubtful: frozenset[str] = frozenset()
    """Match keys whose create may have been carried out by a run that was killed: looked up before they are sent."""
    in_doubt: InDoubt | None = field(default=None, repr=False)
    """What became of the writes of a run that was killed."""
    only: str = ""
    """The match key of the single record it is about; empty for a whole plan."""
    allowance: str = ""
    """Id of the held plan by which somebody let this one pass its brakes."""
    holds: list[Hold] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    source_count: int = 0
    """Records read from the source."""
    target_count: int = 0
    """Records read from the target."""
    merged: int = 0
    """Source records folded into another of the same key, where the job is ``distinct``."""
    linked: int = 0
    """Target records matched by key that Busway neither created nor adopted: never deactivated."""
    deactivates: bool = False
    """The job deactivates what leaves its source, where it is managed; else linked and managed make no difference."""
    managed: int = 0
    """Records that Busway created or adopted."""
    missing: frozenset[str] = frozenset()
    """Ids of those of them that the target does not have any more."""
    created_at_ns: int = 0
    preview: bool = True
    """Made to be looked at; ids that another job's creates would give are still pending."""
    id_field: str = "id"
    """The field of a target record that holds its id."""
    waits_for: tuple[str, ...] = ()
    """Jobs of the same preview whose changes it rests on; it is planned again once they have run."""
    target: Complete[Record] | None = field(default=None, repr=False)
    """The target as it was read for this plan."""
    applied: bool = False
    """Writing has begun; a plan is good for one time."""

    @property
    def held(self) -> bool:
        """A brake holds it."""
        return bool(self.holds)

    def count(self, action: Action) -> int:
        """Number of changes of one kind."""
        return sum(1 for change in self.changes if change.action is action)

    def counts(self) -> dict[str, int]:
        """Numbers for a report, in a fixed order."""
        by_action = {action.value: self.count(action) for action in Action}
        return {
            **by_action,
            "unchanged": self.unchanged,
            "skipped": len(self.skipped),
            "quarantined": len(self.quarantined),
            "invalid": len(self.invalid),
        }

    def summary(self) -> str:
        """``12 create, 40 update, 1 deactivate, 1,823 unchanged``"""
        return summarise(self.counts())


IN_WORDS = {"quarantined": "in quarantine"}
"""How counts are called that have another name in code."""


def summarise(counts: Mapping[str, int]) -> str:
    """The numbers above zero as one phrase; ``unchanged`` is always said."""
    shown = {IN_WORDS.get(name, name): number for name, number in counts.items()}
    return ", ".join(f"{number:,} {name}" for name, number in shown.items() if number or name == "unchanged")
