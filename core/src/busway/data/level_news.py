"""What people are told about levels: one log line and one event per transition."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from busway.contracts.events import Severity
from busway.data.level import Level

__all__ = ["LevelNews"]

AWAY = "BW2020"
GIVEN_UP = "BW2021"

logger = logging.getLogger("busway.data")


class LevelNews:
    """Logs, and emits where somebody listens."""

    def __init__(self, emit: Callable[..., Any] | None) -> None:
        self._emit = emit

    def tell(self, level: Level, away: bool, why: str) -> None:
        """``level`` went away, for the reason ``why``, or is back."""
        if away:
            logger.warning("cache level %s is away: %s; see busway explain %s", level.title, why, AWAY)
        else:
            logger.warning("cache level %s is back", level.title)
        if self._emit is not None:
            what = "cache level away" if away else "cache level back"
            self._emit(
                category="system",
                severity=Severity.WARNING if away else Severity.INFO,
                attributes={"what": what, "code": AWAY, "level": level.name, **level.plugin, "why": why},
            )

    def given_up(self, level: Level, domain: str) -> None:
        """More was missed of ``domain`` than is kept."""
        logger.warning(
            "cache level %s missed more of %s than is kept for it: the domain is invalidated; see busway explain %s",
            level.title,
            domain,
            GIVEN_UP,
        )
