"""The built-in secret sources keep the contract: ``env`` and ``dotenv``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path

import pytest

from busway.configuration.dotenv_source import DotenvSource
from busway.configuration.env_source import EnvSource
from busway.contracts.secrets import SecretSource
from busway.testing.secrets import ODD_VALUES, SecretSourceContract

KNOWN = {
    "ACME_TOKEN": "synthetic-token-0001",
    "ACME_PASSWORD": "synthetic-pässword-2",
    "ACME_KEY": "synthetic-key-3333",
}


class TestEnvSource(SecretSourceContract):
    """Over the environment of the process, and over the copy of it that an application is given."""

    @pytest.fixture
    def known(self) -> Mapping[str, str]:
        return KNOWN

    @pytest.fixture
    def odd_values(self) -> Mapping[str, str]:
        return ODD_VALUES

    @pytest.fixture(params=["process", "copy"])
    def environ(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MutableMapping[str, str]:
        for name, value in {**KNOWN, **ODD_VALUES}.items():
            monkeypatch.setenv(name, value)
        return os.environ if request.param == "process" else dict(os.environ)

    @pytest.fixture
    def source(self, environ: MutableMapping[str, str]) -> SecretSource:
        return EnvSource() if environ is os.environ else EnvSource(environ)

    @pytest.fixture
    def rotate(self, environ: MutableMapping[str, str]) -> Callable[[str, str], object]:
        return environ.__setitem__

    @pytest.fixture
    def build(self) -> Callable[[], SecretSource]:
        return EnvSource


class TestDotenvSource(SecretSourceContract):
    @pytest.fixture
    def known(self) -> Mapping[str, str]:
        return KNOWN

    @pytest.fixture
    def odd_values(self) -> Mapping[str, str]:
        return ODD_VALUES

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / ".env"
        path.write_text(
            "".join(f"{name}={quoted(value)}\n" for name, value in {**KNOWN, **ODD_VALUES}.items()), "utf-8"
        )
        return path

    @pytest.fixture
    def source(self, file: Path) -> SecretSource:
        return DotenvSource(file)

    @pytest.fixture
    def build(self, file: Path) -> Callable[[], SecretSource]:
        return lambda: DotenvSource(file)


def quoted(value: str) -> str:
    """``value`` as a single-quoted one of ``.env``."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
