"""The Key Vault source keeps the contract of secret sources: the real client library against a stand-in vault."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from builders.key_vault_server import KeyVaultServer, StoredSecret, StubCredential
from busway.contracts.plugins import PluginContext
from busway.contracts.secrets import SecretSource
from busway.testing.secrets import SecretSourceContract
from busway_secrets_keyvault import busway_secret_source
from busway_secrets_keyvault.settings import KeyVaultSettings


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[KeyVaultServer]:
    with KeyVaultServer(tmp_path) as vault:
        yield vault


def source_for(vault: KeyVaultServer, url: str = "") -> SecretSource:
    doubles = {"azure_credential": StubCredential(), "azure_client_options": vault.client_options}
    return busway_secret_source(PluginContext("keyvault", KeyVaultSettings(url=url or vault.url), doubles=doubles))


class TestKeyVaultSource(SecretSourceContract):
    @pytest.fixture
    def known(self) -> Mapping[str, str]:
        return {f"SYNTHETIC_NAME_{number}": f"synthetic-value-{number:04}" for number in range(12)}

    @pytest.fixture
    def source(self, vault: KeyVaultServer, known: Mapping[str, str]) -> Iterator[SecretSource]:
        vault.secrets = {name.replace("_", "-"): StoredSecret(value) for name, value in known.items()}
        source = source_for(vault)
        yield source
        source.close()

    @pytest.fixture
    def unreachable_source(self, vault: KeyVaultServer) -> Iterator[SecretSource]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        source = source_for(vault, f"https://localhost:{port}")
        yield source
        source.close()
