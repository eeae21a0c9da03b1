"""200 random schedules of faults in real processes: kills, hangs, 5xx, a full disk, forks, jumping clocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.event_schedule import run_schedule

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


@pytest.mark.parametrize("seed", range(200))
def test_a_random_schedule(tmp_path: Path, seed: int) -> None:
    outcome = run_schedule(tmp_path / "state", seed)
    outcome.check()
    assert outcome.books["hook"]["pending"] == 0
