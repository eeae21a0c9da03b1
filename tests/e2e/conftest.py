"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.deployment import SandboxDeployment


@pytest.fixture
def deployment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[SandboxDeployment]:
    """A small company, its sandbox and a deployment that connects them."""
    made = SandboxDeployment(tmp_path, capsys)
    yield made
    made.close()
