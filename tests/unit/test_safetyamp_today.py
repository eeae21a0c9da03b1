"""The local day."""

from __future__ import annotations

from datetime import UTC, date, datetime

from builders.safetyamp_parts import StillClock
from busway_safetyamp.today import today_in


def test_it_is_the_day_where_the_people_work() -> None:
    clock = StillClock(datetime(2026, 3, 11, 3, 0, tzinfo=UTC))
    assert today_in(clock, "America/Chicago")() == date(2026, 3, 10)
    assert today_in(clock, "UTC")() == date(2026, 3, 11)


def test_it_moves_on_at_local_midnight() -> None:
    clock = StillClock(datetime(2026, 3, 11, 4, 59, 59, tzinfo=UTC))
    today = today_in(clock, "America/Chicago")
    assert today() == date(2026, 3, 10)
    clock.sleep(1)
    assert today() == date(2026, 3, 11)
