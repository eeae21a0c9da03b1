"""The stand-in vault answers the real client library as the service does."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient

from builders.key_vault_server import KeyVaultServer, StoredSecret, StubCredential

OLD = "0" * 32


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[KeyVaultServer]:
    secrets = {f"NAME-{number}": StoredSecret(f"value-{number}") for number in range(63)}
    secrets["ROTATED"] = StoredSecret("new", older={OLD: "old"})
    with KeyVaultServer(tmp_path, secrets=secrets) as vault:
        yield vault


@pytest.fixture
def client(vault: KeyVaultServer) -> Iterator[SecretClient]:
    with SecretClient(vault.url, StubCredential(), retry_total=0, **vault.client_options) as client:
        yield client


def test_versions_are_kept(client: SecretClient) -> None:
    assert client.get_secret("rotated").value == "new"
    assert client.get_secret("rotated", OLD).value == "old"
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("rotated", "1" * 32)


def test_the_list_comes_in_pages_without_values(vault: KeyVaultServer, client: SecretClient) -> None:
    listed = list(client.list_properties_of_secrets())
    assert {one.name for one in listed} == set(vault.secrets)
    assert [status for _, _, status, _ in vault.requests] == [401, 200, 200, 200]


def test_a_list_can_be_endless(vault: KeyVaultServer, client: SecretClient) -> None:
    vault.endless_list = True
    assert len(list(islice(client.list_properties_of_secrets(), 200))) == 200


def test_a_deleted_secret_is_gone_and_can_be_recovered(vault: KeyVaultServer, client: SecretClient) -> None:
    client.begin_delete_secret("NAME-1")
    with pytest.raises(ResourceNotFoundError) as caught:
        client.get_secret("NAME-1")
    assert caught.value.error is not None
    assert caught.value.error.code == "SecretNotFound"
    assert client.get_deleted_secret("NAME-1").recovery_id == f"{vault.url}/deletedsecrets/name-1"
    with pytest.raises(ResourceExistsError):
        client.set_secret("NAME-1", "again")


def test_a_secret_is_set(client: SecretClient) -> None:
    assert client.set_secret("fresh", "synthetic").value == "synthetic"
    assert client.get_secret("FRESH").value == "synthetic"


def test_an_illegal_name_is_not_a_missing_one(client: SecretClient) -> None:
    with pytest.raises(HttpResponseError) as caught:
        client.get_secret("my_secret")
    assert caught.value.status_code == 400
    assert caught.value.error is not None
    assert caught.value.error.code == "BadParameter"
