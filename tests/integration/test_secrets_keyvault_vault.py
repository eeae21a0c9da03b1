"""The Key Vault source against a stand-in vault: every kind of refusal, what is remembered, and what never leaks."""

from __future__ import annotations

import logging
import socket
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError

from builders.key_vault_server import (
    CALLER,
    TOKEN,
    Answer,
    KeyVaultServer,
    StoredSecret,
    StubCredential,
    forbidden,
)
from busway.contracts.health import HealthResult
from busway.contracts.plugins import PluginContext
from busway.errors import BuswayError, RefusedError, UnreachableError
from busway_secrets_keyvault import busway_health_checks, busway_secret_source
from busway_secrets_keyvault.settings import KeyVaultSettings
from busway_secrets_keyvault.source import KeyVaultSource

VALUE = "synthetic-secret-value"


@dataclass
class StillClock:
    """Time that moves when a test says so."""

    seconds: float = 1_000.0

    def now_ns(self) -> int:
        return int(self.seconds * 1e9)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


Make = Callable[..., KeyVaultSource]


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[KeyVaultServer]:
    with KeyVaultServer(tmp_path, secrets={"DB-PASSWORD": StoredSecret(VALUE)}) as vault:
        yield vault


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


def context_for(
    vault: KeyVaultServer,
    *,
    clock: StillClock | None = None,
    credential: StubCredential | None = None,
    options: dict[str, object] | None = None,
    real_credential: bool = False,
    **settings: Any,
) -> PluginContext[KeyVaultSettings]:
    doubles: dict[str, object] = {"azure_client_options": vault.client_options if options is None else options}
    if not real_credential:
        doubles["azure_credential"] = credential or StubCredential()
    values = {"url": vault.url, **settings}
    return PluginContext("keyvault", KeyVaultSettings(**values), doubles=doubles, clock=clock or StillClock())


@pytest.fixture
def make(vault: KeyVaultServer, clock: StillClock) -> Iterator[Make]:
    sources: list[KeyVaultSource] = []

    def build(**changes: Any) -> KeyVaultSource:
        sources.append(busway_secret_source(context_for(vault, clock=clock, **changes)))
        return sources[-1]

    yield build
    for source in sources:
        source.close()


def error_of(source: KeyVaultSource, name: str = "DB_PASSWORD") -> BuswayError:
    with pytest.raises(BuswayError) as caught:
        source.fetch(name)
    assert caught.value.problem.fix
    return caught.value


def test_a_secret_is_read_with_its_place_version_and_expiry(vault: KeyVaultServer, make: Make) -> None:
    vault.secrets["DB-PASSWORD"] = StoredSecret(VALUE, expires=2_000_000_000)
    found = make().fetch("DB_PASSWORD")
    assert found is not None
    assert (found.value, found.where) == (VALUE, f"{vault.url} DB-PASSWORD")
    assert found.version == "0123456789abcdef0123456789abcdef"
    assert found.expires_at_ns == 2_000_000_000_000_000_000


@pytest.mark.parametrize("value", ["", "zażółć gęślą jaźń", "x" * 25_000, "line\r\nline"])
def test_values_come_back_as_they_are(vault: KeyVaultServer, make: Make, value: str) -> None:
    vault.secrets["DB-PASSWORD"] = StoredSecret(value)
    found = make().fetch("DB_PASSWORD")
    assert found is not None
    assert found.value == value


def test_only_the_first_request_is_challenged(vault: KeyVaultServer, make: Make) -> None:
    credential = StubCredential()
    source = make(credential=credential)
    for _ in range(3):
        source.fetch("DB_PASSWORD")
    assert [(status, token) for _, _, status, token in vault.requests] == [(401, False), *[(200, True)] * 3]
    assert credential.calls == [("https://vault.example.test/.default",)]


def test_many_are_fetched_with_one_challenge_and_one_token(vault: KeyVaultServer, make: Make) -> None:
    vault.secrets = {f"NAME-{number}": StoredSecret(f"value-{number}") for number in range(30)}
    credential = StubCredential()
    names = [f"NAME_{number}" for number in range(30)]
    found = make(credential=credential).fetch_many([*names, "MISSING", *names])
    assert {name: secret.value for name, secret in found.items()} == {f"NAME_{n}": f"value-{n}" for n in range(30)}
    assert len(credential.calls) == 1
    assert len(vault.requests) == 32


def test_nothing_asked_costs_no_request(vault: KeyVaultServer, make: Make) -> None:
    source = make()
    assert (source.fetch_many([]), list(source.names()), vault.requests) == ({}, [], [])


REFUSALS = [
    (forbidden("ForbiddenByRbac"), "BW1404", RefusedError, f"'Key Vault Secrets User' --assignee {CALLER}"),
    (forbidden("AccessDenied"), "BW1404", RefusedError, f"--object-id {CALLER}"),
    (forbidden("ForbiddenByFirewall"), "BW1404", RefusedError, "network-rule add"),
    (Answer(403, raw=b"<html>proxy</html>"), "BW1404", RefusedError, "OBJECT-ID"),
    (forbidden("SecretDisabled"), "BW1405", RefusedError, "--enabled true"),
    (Answer(400, "BadParameter"), "BW1407", RefusedError, "AZURE_KEY_VAULT_URL"),
    (Answer(404, raw=b"<html>not here</html>"), "BW1407", RefusedError, "AZURE_KEY_VAULT_URL"),
    (Answer(302, headers={"Location": "https://evil.example.test/"}), "BW1407", RefusedError, "proxy"),
    (Answer(200, raw=b"<html>sign in</html>"), "BW1407", RefusedError, "proxy"),
    (Answer(200, raw=b"{}"), "BW1407", RefusedError, "proxy"),
    (Answer(429, "Throttled", headers={"Retry-After": "7"}), "BW1408", UnreachableError, "in 7 s"),
    (Answer(429, "Throttled", headers={"Retry-After": "900"}), "BW1408", UnreachableError, "in 30 s"),
    (Answer(429, "Throttled"), "BW1408", UnreachableError, "in 1 s"),
    (Answer(500, "InternalError"), "BW1406", UnreachableError, "firewall"),
    (Answer(503, raw=b""), "BW1406", UnreachableError, "firewall"),
]


@pytest.mark.parametrize(("answer", "code", "kind", "fix"), REFUSALS, ids=lambda value: getattr(value, "status", None))
def test_every_refusal_is_told_with_its_remedy(
    vault: KeyVaultServer, make: Make, answer: Answer, code: str, kind: type[BuswayError], fix: str
) -> None:
    vault.faults["db-password"] = deque([answer])
    error = error_of(make())
    assert (error.code, type(error)) == (code, kind)
    assert fix in error.problem.fix
    assert vault.url in error.problem.where
    assert len(vault.requests) <= 2  # the challenge and the answer: nothing is retried behind our back


def test_a_disabled_secret_is_diagnosed(vault: KeyVaultServer, make: Make) -> None:
    vault.secrets["DB-PASSWORD"] = StoredSecret(VALUE, enabled=False)
    assert error_of(make()).code == "BW1405"


def test_texts_of_the_vault_stay_out_of_errors(vault: KeyVaultServer, make: Make) -> None:
    vault.faults["db-password"] = deque([forbidden("ForbiddenByRbac")])
    error = error_of(make())
    told = error.render() + "".join(traceback.format_exception(error))
    assert "203.0.113.9" not in told
    assert TOKEN not in told


@pytest.mark.parametrize(
    ("credential", "why"),
    [
        (StubCredential("token-of-another-tenant"), "401 AKV10022"),
        (StubCredential(fails=CredentialUnavailableError("ManagedIdentityCredential: synthetic")), "ManagedIdentity"),
        (StubCredential(fails=ClientAuthenticationError("EnvironmentCredential: synthetic")), "EnvironmentCredential"),
        (StubCredential(fails=ValueError("synthetic: no tenant")), "ValueError"),
    ],
)
def test_a_credential_that_does_not_work_is_told_and_not_tried_again_for_half_a_minute(
    make: Make, clock: StillClock, credential: StubCredential, why: str
) -> None:
    source = make(credential=credential)
    error = error_of(source)
    assert (error.code, type(error)) == ("BW1403", RefusedError)
    assert why in error.problem.why
    assert "synthetic" not in error.render()
    tries = len(credential.calls)
    clock.seconds += 29
    assert error_of(source, "ANOTHER").problem == error.problem
    assert len(credential.calls) == tries
    clock.seconds += 2
    error_of(source)
    assert len(credential.calls) > tries


def test_an_unreachable_vault_costs_one_attempt_and_recovers(
    vault: KeyVaultServer, make: Make, clock: StillClock
) -> None:
    vault.faults["db-password"] = deque([Answer(503)])
    source = make()
    assert error_of(source).code == "BW1406"
    asked = len(vault.requests)
    assert [error_of(source, name).code for name in ("A", "B")] == ["BW1406"] * 2
    assert len(vault.requests) == asked
    clock.seconds += 31
    assert source.fetch("DB_PASSWORD") is not None


def test_a_refused_secret_does_not_hold_up_the_others(vault: KeyVaultServer, make: Make) -> None:
    vault.faults["other"] = deque([forbidden("AccessDenied")])
    source = make()
    assert error_of(source, "OTHER").code == "BW1404"
    assert source.fetch("DB_PASSWORD") is not None


def test_throttling_holds_as_long_as_the_vault_asks(vault: KeyVaultServer, make: Make, clock: StillClock) -> None:
    vault.faults["db-password"] = deque([Answer(429, "Throttled", headers={"Retry-After": "7"})])
    source = make()
    error_of(source)
    clock.seconds += 6
    assert error_of(source).code == "BW1408"
    clock.seconds += 2
    assert source.fetch("DB_PASSWORD") is not None


def test_one_failure_among_many_is_raised(vault: KeyVaultServer, make: Make) -> None:
    vault.faults["other"] = deque([forbidden("ForbiddenByRbac")])
    with pytest.raises(RefusedError):
        make().fetch_many(["DB_PASSWORD", "OTHER"])


def test_nobody_listening_is_unreachable(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = error_of(make(url=f"https://localhost:{port}"))
    assert (error.code, error.problem.why) == ("BW1406", "ServiceRequestError")


def test_a_silent_vault_costs_the_time_out_and_no_more(vault: KeyVaultServer, make: Make) -> None:
    vault.silent = True
    assert error_of(make(timeout_seconds=0.1)).code == "BW1406"


def test_an_untrusted_certificate_is_not_accepted(vault: KeyVaultServer, make: Make) -> None:
    credential = StubCredential()
    assert error_of(make(credential=credential, options={"verify_challenge_resource": False})).code == "BW1406"
    assert credential.calls == []


def test_a_challenge_for_another_domain_gets_no_token(vault: KeyVaultServer, make: Make) -> None:
    credential = StubCredential()
    error = error_of(make(credential=credential, options={"connection_verify": vault.ca_file}))
    assert (error.code, credential.calls) == ("BW1407", [])
    assert "domain" in error.problem.why


def test_neither_values_nor_tokens_are_logged_even_when_asked_for(
    vault: KeyVaultServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        make(options={**vault.client_options, "logging_enable": True}).fetch("DB_PASSWORD")
    assert "secrets/DB-PASSWORD" in caplog.text
    assert VALUE not in caplog.text
    assert TOKEN not in caplog.text


def test_closing_gives_the_credential_back_once(vault: KeyVaultServer, make: Make) -> None:
    credential = StubCredential()
    source = make(credential=credential)
    source.fetch("DB_PASSWORD")
    source.close()
    source.close()
    assert credential.closed == 1


def test_the_usual_credential_is_the_default_chain(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    # The chain is limited to one member that says at once that it is not configured.
    for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    error = error_of(make(real_credential=True))
    assert (error.code, "EnvironmentCredential" in error.problem.why) == ("BW1403", True)


def health(vault: KeyVaultServer, **changes: Any) -> HealthResult:
    (check,) = busway_health_checks(context_for(vault, **changes))
    assert check.online
    return check.run()


def test_the_health_check_reads_a_name_nobody_has(vault: KeyVaultServer) -> None:
    assert health(vault) == HealthResult("ok", f"{vault.url} answers and lets us read")


def test_the_health_check_tells_what_is_wrong(vault: KeyVaultServer) -> None:
    vault.faults["busway-health-probe"] = deque([forbidden("ForbiddenByRbac")])
    result = health(vault)
    assert (result.status, "BW1404" in result.detail, "role assignment" in result.fix) == ("failed", True, True)
    assert "BW1401" in health(vault, url="http://x").detail
