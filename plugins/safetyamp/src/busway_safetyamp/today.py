"""Which day it is where the people work: hiring and leaving happen on local days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from busway.contracts.clock import Clock

__all__ = ["today_in"]


def today_in(clock: Clock, timezone: str) -> Callable[[], date]:
    """A function that tells the date in ``timezone`` (IANA name) by ``clock``."""
    zone = ZoneInfo(timezone)

    def today() -> date:
        return datetime.fromtimestamp(clock.now_ns() / 1e9, tz=zone).date()

    return today
