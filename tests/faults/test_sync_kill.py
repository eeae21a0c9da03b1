"""Runs that are killed at random points: no record is created twice, none is lost, none is forgotten.

The big number is in ``tests/soak/test_sync_kill_soak.py``.
"""

from __future__ import annotations

from pathlib import Path

from builders.killed_runs import killed


def test_killed_runs_leave_nothing_doubled_lost_or_forgotten(tmp_path: Path) -> None:
    found = killed(tmp_path, 20_261_130, 10)
    assert found["mistakes"] == []
    assert found["kills"] >= 10
