"""The Key Vault source keeps the contract of secret sources: the real client library against a stand-in vault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from builders.key_vault_server import KeyVaultServer, StoredSecret
from builders.key_vault_source import KeyVaultSources
from builders.manual_clock import ManualClock
from busway.contracts.secrets import SecretSource
from busway.testing.secrets import ODD_VALUES, SecretSourceContract

DATED = {"SYNTHETIC_DATED": (1_900_000_000, 2_000_000_000), "SYNTHETIC_ENDING": (None, 2_000_000_000)}


class TestKeyVaultSource(SecretSourceContract):
    @pytest.fixture
    def vault(self, tmp_path: Path) -> Iterator[KeyVaultServer]:
        with KeyVaultServer(tmp_path) as vault:
            yield vault

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def make(self, vault: KeyVaultServer, clock: ManualClock) -> Iterator[KeyVaultSources]:
        with KeyVaultSources(vault, clock) as sources:
            yield sources

    @pytest.fixture
    def known(self) -> Mapping[str, str]:
        return {f"SYNTHETIC_NAME_{number}": f"synthetic-value-{number:04}" for number in range(12)}

    @pytest.fixture
    def odd_values(self) -> Mapping[str, str]:
        return dict(ODD_VALUES)

    @pytest.fixture
    def refused(self) -> Mapping[str, str]:
        return {"SYNTHETIC_DISABLED": "synthetic-disabled-value"}

    @pytest.fixture
    def dated(self) -> Mapping[str, tuple[int | None, int | None]]:
        return {name: (_ns(start), _ns(end)) for name, (start, end) in DATED.items()}

    @pytest.fixture
    def held(
        self,
        vault: KeyVaultServer,
        known: Mapping[str, str],
        odd_values: Mapping[str, str],
        refused: Mapping[str, str],
    ) -> None:
        """Puts everything into the vault."""
        stored = {name: StoredSecret(value) for name, value in {**known, **odd_values}.items()}
        stored |= {name: StoredSecret(value, enabled=False) for name, value in refused.items()}
        stored |= {name: StoredSecret("x" * 12, not_before=start, expires=end) for name, (start, end) in DATED.items()}
        vault.secrets = {name.replace("_", "-"): one for name, one in stored.items()}

    @pytest.fixture
    def source(self, held: None, make: KeyVaultSources) -> SecretSource:
        return make()

    @pytest.fixture
    def rotate(self, vault: KeyVaultServer) -> Callable[[str, str], object]:
        def change(name: str, value: str) -> None:
            vault.secrets[name.replace("_", "-")] = StoredSecret(value, version="f" * 32)

        return change

    @pytest.fixture
    def listings(self, vault: KeyVaultServer) -> Callable[[], int]:
        return lambda: sum(path.startswith("/secrets?") for _, path, _, _ in vault.requests)

    @pytest.fixture
    def build(self, make: KeyVaultSources) -> Callable[[], SecretSource]:
        return make

    @pytest.fixture
    def silent_vault(
        self, tmp_path_factory: pytest.TempPathFactory, known: Mapping[str, str]
    ) -> Iterator[KeyVaultServer]:
        secrets = {name.replace("_", "-"): StoredSecret(value) for name, value in known.items()}
        with KeyVaultServer(tmp_path_factory.mktemp("silent"), secrets=secrets, silent=True) as vault:
            yield vault

    @pytest.fixture
    def unreachable_source(self, silent_vault: KeyVaultServer, clock: ManualClock) -> Iterator[SecretSource]:
        with KeyVaultSources(silent_vault, clock) as sources:
            yield sources(budget_seconds=0.3, timeout_seconds=0.1)

    @pytest.fixture
    def call_seconds(self) -> float:
        return 2.0

    @pytest.fixture
    def recover(self, silent_vault: KeyVaultServer, clock: ManualClock) -> Callable[[], object]:
        def back() -> None:
            silent_vault.release()
            clock.advance(31)

        return back


def _ns(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1_000_000_000
