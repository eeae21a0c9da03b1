from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from acme_busway_file_secrets import FileSecrets
from busway.testing import SecretSourceContract


class TestFileSecrets(SecretSourceContract):
    @pytest.fixture
    def known(self) -> dict[str, str]:
        return {"ACME_FIRST": "synthetic-value-one", "ACME_SECOND": "synthetic-value-two"}

    @pytest.fixture
    def refused(self) -> dict[str, str]:
        return {"ACME_BINARY": "synthetic-value-three"}

    @pytest.fixture
    def source(self, tmp_path: Path, known: dict[str, str], refused: dict[str, str]) -> FileSecrets:
        for name, value in known.items():
            (tmp_path / name).write_text(value + "\n", "utf-8")
        for name, value in refused.items():
            (tmp_path / name).write_bytes(value.encode() + b"\xff")
        return FileSecrets(tmp_path)

    @pytest.fixture
    def rotate(self, tmp_path: Path) -> Callable[[str, str], object]:
        return lambda name, value: (tmp_path / name).write_text(value, "utf-8")

    @pytest.fixture
    def unreachable_source(self, tmp_path: Path) -> FileSecrets:
        return FileSecrets(tmp_path / "not mounted")

    @pytest.fixture
    def recover(self, tmp_path: Path, source: FileSecrets) -> Callable[[], object]:
        return lambda: (tmp_path / "not mounted").symlink_to(tmp_path)
