"""What cache levels did: an event for each transition, and a warning while one is away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from busway.contracts.events import Severity

__all__ = ["CacheNews"]


class CacheNews:
    """Hands transitions on to the events, and remembers which levels are away now."""

    def __init__(self, emit: Callable[..., Any]) -> None:
        self._emit = emit
        self._why: dict[str, str] = {}
        self.quiet = False
        """No events: for commands that only look. A person who looks at an outage is no news of it."""

    def receive(self, category: str, *, severity: Severity, attributes: Mapping[str, Any]) -> None:
        """Notes one transition of a level."""
        level = str(attributes["level"])
        if severity is Severity.INFO:
            self._why.pop(level, None)
        else:
            self._why[level] = str(attributes["why"])
        if not self.quiet:
            self._emit(category, severity=severity, attributes=attributes)

    def away(self) -> dict[str, str]:
        """Level to the reason it is away."""
        return dict(self._why)

    def warnings(self) -> list[str]:
        """A sentence for each level that is away now."""
        return [f"cache level {level} is away: {why}" for level, why in self.away().items()]
