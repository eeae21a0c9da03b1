"""Two hundred kills at random points of runs; about two minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.killed_runs import killed


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_hundred_kills_leave_nothing_doubled_lost_or_forgotten(tmp_path: Path) -> None:
    found = killed(tmp_path, 7, 200)
    assert found["mistakes"] == []
    assert int(found["kills"]) >= 200
