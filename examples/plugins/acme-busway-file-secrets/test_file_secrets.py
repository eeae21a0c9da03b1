from __future__ import annotations

from pathlib import Path

import pytest

from acme_busway_file_secrets import FileSecrets
from busway.testing import SecretSourceContract


class TestFileSecrets(SecretSourceContract):
    @pytest.fixture
    def known(self) -> dict[str, str]:
        return {"ACME_FIRST": "synthetic-value-one", "ACME_SECOND": "synthetic-value-two"}

    @pytest.fixture
    def source(self, tmp_path: Path, known: dict[str, str]) -> FileSecrets:
        for name, value in known.items():
            (tmp_path / name).write_text(value + "\n", "utf-8")
        return FileSecrets(tmp_path)

    @pytest.fixture
    def unreachable_source(self, tmp_path: Path) -> FileSecrets:
        return FileSecrets(tmp_path / "not mounted")
