"""Who a digest is for: sinks with a route of their own, and all others together.

Routes differ in the jobs they care for and in how often they want to be told, so one digest cannot suit all. What
suits several is one event; the event names those that it is for, or those that it is not for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from busway.events.policy import EventPolicy, Route
from busway.stores.error_groups import ErrorGroup

__all__ = ["OTHERS", "Audience", "address", "audiences", "is_addressed"]

OTHERS = "*"
"""All sinks without a route of their own, whichever are selected."""
ONLY_FOR, NOT_FOR = "only_for", "not_for"


@dataclass(frozen=True, slots=True)
class Audience:
    """One sink with a route, or :data:`OTHERS`."""

    name: str
    route: Route

    def cares_for(self, group: ErrorGroup) -> bool:
        """Whether the group is any of its business."""
        return self.route.takes("digest", 0, group.job)


def audiences(policy: EventPolicy, receives: Mapping[str, Collection[str]]) -> list[Audience]:
    """The audiences of digests.

    :param receives: the sinks that are known, and what each receives; one that is not known here may take digests.
    """
    named = [
        Audience(sink, route)
        for sink, route in sorted(policy.routes.items())
        if route.takes("digest", 0, None) and "digests" in receives.get(sink, ("digests",))
    ]
    return [Audience(OTHERS, Route()), *named]


def address(to: Collection[str], everyone: Collection[str]) -> dict[str, list[str]]:
    """The attributes of a digest for the audiences ``to``, of all there are."""
    if OTHERS not in to:
        return {ONLY_FOR: sorted(to)}
    left_out = sorted(set(everyone) - set(to))
    return {NOT_FOR: left_out} if left_out else {}


def is_addressed(sink: str, attributes: Mapping[str, Any]) -> bool:
    """Whether a digest with these attributes is for ``sink``. Any other event is for everyone."""
    only = attributes.get(ONLY_FOR)
    if isinstance(only, list):
        return sink in only
    left_out = attributes.get(NOT_FOR)
    return not (isinstance(left_out, list) and sink in left_out)
