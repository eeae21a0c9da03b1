"""Who we are to the vault: credentials that fail, tokens that are not accepted, and the health check that tells."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError

from builders.key_vault_server import (
    OTHER_TENANT,
    TENANT,
    Answer,
    KeyVaultServer,
    StoredSecret,
    StubCredential,
    forbidden,
    unauthorized,
)
from builders.key_vault_source import KeyVaultSources, context_for, error_of
from builders.manual_clock import ManualClock
from busway.contracts.health import HealthResult
from busway.errors import PluginError, RefusedError
from busway_secrets_keyvault import busway_health_checks

VALUE = "synthetic-secret-value"


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[KeyVaultServer]:
    with KeyVaultServer(tmp_path, secrets={"DB-PASSWORD": StoredSecret(VALUE)}) as vault:
        yield vault


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make(vault: KeyVaultServer, clock: ManualClock) -> Iterator[KeyVaultSources]:
    with KeyVaultSources(vault, clock) as sources:
        yield sources


def chain_error(text: str) -> ClientAuthenticationError:
    return ClientAuthenticationError(f"synthetic\r\n{text}: jane@example.test")


@pytest.mark.parametrize(
    ("fails", "why", "fix"),
    [
        (
            CredentialUnavailableError("ManagedIdentityCredential: synthetic EvilCredential"),
            f"(CredentialUnavailableError: ManagedIdentityCredential); the vault belongs to tenant {TENANT}",
            "az login",
        ),
        (
            chain_error("EnvironmentCredential, AzureCliCredential"),
            "EnvironmentCredential, AzureCliCredential",
            "az login",
        ),
        (ValueError("synthetic: no tenant"), "ValueError", "az login"),
        (chain_error("AADSTS7000222"), "the client secret has expired (AADSTS7000222", "az ad app credential reset"),
        (chain_error("AADSTS7000215"), "the client secret is wrong", "AZURE_CLIENT_SECRET"),
        (
            chain_error(f"The current credential is not configured to acquire tokens for tenant {TENANT}"),
            f"the vault belongs to tenant {TENANT}, and the credential is for another one",
            f"AZURE_TENANT_ID={TENANT}",
        ),
    ],
)
def test_a_credential_that_does_not_work_is_told_and_not_tried_again_for_half_a_minute(
    make: KeyVaultSources, clock: ManualClock, fails: Exception, why: str, fix: str
) -> None:
    credential = StubCredential(fails=fails)
    source = make(credential=credential)
    error = error_of(source)
    assert (error.code, type(error)) == ("BW1403", RefusedError)
    assert why in error.problem.why
    assert fix in error.problem.fix
    assert not any(word in error.render() for word in ("synthetic", "jane", "Evil"))
    tries = len(credential.calls)
    clock.advance(29)
    assert error_of(source, "ANOTHER").problem == error.problem
    assert len(credential.calls) == tries
    clock.advance(2)
    error_of(source)
    assert len(credential.calls) > tries


ISSUER = (
    f"AKV10032: Invalid issuer. Expected one of https://sts.example.test/{TENANT}/, "
    f"https://login.example.test/{TENANT}/v2.0, found https://sts.example.test/{OTHER_TENANT}/."
)


@pytest.mark.parametrize(
    ("answer", "why", "fix"),
    [
        (
            unauthorized(ISSUER),
            f"is of tenant {OTHER_TENANT}, and the vault belongs to tenant {TENANT} (401 AKV10032)",
            f"set AZURE_TENANT_ID={TENANT}, or run az login --tenant {TENANT}",
        ),
        (unauthorized("AKV10022: Invalid audience"), "another audience (401 AKV10022)", "KEY_VAULT_SUFFIX"),
        (unauthorized("AKV10000: Request is missing a Bearer token"), "did not arrive (401 AKV10000)", "proxy"),
        (unauthorized("jane@example.test"), "does not accept the token (401)", f"AZURE_TENANT_ID={TENANT}"),
        (unauthorized("revoked", claims="eyJ4IjoxfQ=="), "was revoked (401)", f"az login --tenant {TENANT}"),
        (Answer(401, raw=b"", headers={"WWW-Authenticate": 'Bearer realm="x"'}), "(401)", "AZURE_TENANT_ID=TENANT-ID"),
    ],
)
def test_a_token_that_is_not_accepted_is_told_with_the_tenants(
    vault: KeyVaultServer, make: KeyVaultSources, answer: Answer, why: str, fix: str
) -> None:
    vault.faults["db-password"] = deque([answer] * 9)
    source = make()
    error = error_of(source)
    assert (error.code, type(error)) == ("BW1403", RefusedError)
    assert why in error.problem.why
    assert fix in error.problem.fix
    assert "jane" not in error.render()
    asked = len(vault.requests)
    assert error_of(source, "ANOTHER").code == error.code
    assert len(vault.requests) == asked


@pytest.mark.parametrize("headers", [{}, {"WWW-Authenticate": 'Basic realm="proxy"'}])
def test_a_sign_in_that_is_not_the_vaults_gets_no_token(
    vault: KeyVaultServer, make: KeyVaultSources, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(vault, "answer", lambda *request: Answer(401, raw=b"", headers=headers))
    credential = StubCredential()
    error = error_of(make(credential=credential))
    assert (error.code, credential.calls) == ("BW1407", [])


def test_a_revoked_token_is_replaced_within_the_call(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    credential = StubCredential()
    source = make(credential=credential)
    source.fetch("DB_PASSWORD")
    vault.token, vault.claims = "synthetic-token-with-claims", "eyJ4IjoxfQ=="
    credential.token = vault.token
    assert source.fetch("DB_PASSWORD") is not None
    assert credential.options[-1]["claims"] == '{"x":1}'


def test_a_credential_that_exits_ends_the_call_and_not_the_thread(make: KeyVaultSources) -> None:
    error = error_of(make(credential=StubCredential(fails=SystemExit("synthetic"))))
    assert (error.code, type(error)) == ("BW1414", PluginError)
    assert "SystemExit" in error.problem.why


def health(vault: KeyVaultServer, **changes: Any) -> HealthResult:
    (check,) = busway_health_checks(context_for(vault, **changes))
    assert check.online
    return check.run()


def test_the_health_check_reads_a_name_nobody_has(vault: KeyVaultServer) -> None:
    assert health(vault) == HealthResult("ok", f"{vault.url} answers and lets us read")
    assert [status for _, _, status, _ in vault.requests] == [401, 404]


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (forbidden("ForbiddenByRbac"), "failed", "BW1404"),
        (Answer(404, raw=b"<html>not here</html>"), "failed", "BW1407"),
        (Answer(200, raw=b"<html>sign in</html>"), "failed", "BW1407"),
        (Answer(200, raw=b"{}"), "failed", "BW1407"),
        (Answer(429, headers={"Retry-After": "900"}), "degraded", "BW1408"),
    ],
)
def test_the_health_check_tells_what_is_wrong(vault: KeyVaultServer, answer: Answer, status: str, code: str) -> None:
    vault.faults["busway-health-probe"] = deque([answer])
    result = health(vault)
    assert (result.status, result.detail[:6]) == (status, code)
    assert result.fix


def test_the_health_check_tells_that_no_vault_is_named(vault: KeyVaultServer) -> None:
    result = health(vault, url="http://x")
    assert (result.status, "BW1401" in result.detail) == ("failed", True)
