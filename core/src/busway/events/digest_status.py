"""What was told to whom, and what waits for the next digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from busway.events.audience import Audience
from busway.events.digest_period import DigestPeriod
from busway.events.digest_writing import suppressed
from busway.events.policy import EventPolicy
from busway.stores.error_groups import ErrorGroup
from busway.stores.state import StateStore
from busway.stores.told_groups import ToldGroups

__all__ = ["AudienceStatus", "DigestStatus", "digest_status"]


@dataclass(frozen=True, slots=True)
class AudienceStatus:
    """One sink with a route of its own, or ``*`` for all others."""

    name: str
    last: dict[str, Any] | None
    """The last digest for it: ``event_id``, ``kind``, ``at_ns``."""
    groups: int
    """Open groups it will be told of."""
    errors: int
    suppressed: int
    """Of these errors, those that no message was sent about at once."""
    messages: int
    """Messages sent at once since the last hourly digest."""


@dataclass(frozen=True, slots=True)
class DigestStatus:
    """As of the last count. Times are nanoseconds since the epoch."""

    due_ns: int | None
    """When the next hourly digest is due; ``None`` when nothing waits."""
    groups: tuple[ErrorGroup, ...]
    """Open groups, most frequent first."""
    audiences: tuple[AudienceStatus, ...]

    @property
    def errors(self) -> int:
        """Errors that wait for the next hourly digest."""
        return sum(group.count for group in self.groups)


def digest_status(
    state: StateStore, to: Sequence[Audience], period: DigestPeriod, told: ToldGroups, policy: EventPolicy
) -> DigestStatus:
    """Reads it; the caller provides for one moment."""
    groups = state.error_groups.all()
    rows = [_status(audience, groups, period, told) for audience in to]
    return DigestStatus(period.due(policy.digest_seconds), tuple(groups), tuple(rows))


def _status(audience: Audience, groups: Sequence[ErrorGroup], period: DigestPeriod, told: ToldGroups) -> AudienceStatus:
    mine = [group for group in groups if audience.cares_for(group)]
    return AudienceStatus(
        audience.name,
        period.last(audience.name),
        len(mine),
        sum(group.count for group in mine),
        suppressed(mine, told.of(audience.name)),
        period.first_messages(audience.name),
    )
