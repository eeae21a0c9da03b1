"""Random schedules of faults in real processes: nothing is lost, books are exact, order holds. Soak runs 200."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.event_schedule import run_schedule


@pytest.mark.parametrize("seed", range(2))
def test_a_random_schedule(tmp_path: Path, seed: int) -> None:
    outcome = run_schedule(tmp_path / "state", seed, events=120)
    outcome.check()
    assert outcome.books["hook"]["pending"] == 0
