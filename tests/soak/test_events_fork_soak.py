"""A thousand forks while events are emitted and delivered."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.forking_process import forks_under_load

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


def test_a_thousand_forks_under_load(tmp_path: Path) -> None:
    assert forks_under_load(tmp_path / "state", 1_000) == "(True, True, True, 0)"
