"""The Key Vault source against a stand-in vault: what it reads, every kind of refusal, and what is remembered."""

from __future__ import annotations

import socket
import time
import traceback
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.identity import CredentialUnavailableError

from builders.key_vault_server import (
    APPLICATION,
    CALLER,
    CLIENT_ADDRESS,
    TENANT,
    TOKEN,
    Answer,
    KeyVaultServer,
    StoredSecret,
    StubCredential,
    forbidden,
)
from builders.key_vault_source import KeyVaultSources, error_of
from builders.manual_clock import START_NS, ManualClock
from busway.errors import BuswayError, ConfigurationError, RefusedError, UnreachableError

VALUE = "synthetic-secret-value"
NOW = START_NS // 1_000_000_000


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


def test_a_secret_is_read_with_its_place_version_and_times(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    vault.secrets["DB-PASSWORD"] = StoredSecret(VALUE, expires=2_000_000_000, not_before=1_900_000_000)
    found = make().fetch("DB_PASSWORD")
    assert found is not None
    assert (found.value, found.where) == (VALUE, f"{vault.url} DB-PASSWORD")
    assert found.version == "0123456789abcdef0123456789abcdef"
    assert found.expires_at_ns == 2_000_000_000_000_000_000
    assert found.not_before_ns == 1_900_000_000_000_000_000


@pytest.mark.parametrize("value", ["", "zażółć gęślą jaźń", "x" * 25_000, "line\r\nline", " "])
def test_values_come_back_as_they_are(vault: KeyVaultServer, make: KeyVaultSources, value: str) -> None:
    vault.secrets["DB-PASSWORD"] = StoredSecret(value)
    found = make().fetch("DB_PASSWORD")
    assert found is not None
    assert found.value == value


def test_names_are_the_same_in_upper_and_lower_case(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    vault.secrets = {"db-password": StoredSecret(VALUE)}
    found = make().fetch("DB_PASSWORD")
    assert found is not None
    assert found.value == VALUE


def test_the_vault_may_say_what_it_likes_about_version_and_times(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    body = b'{"value":"v","id":"https://h/secrets/a/b%0d%0aforged","attributes":{"exp":99999999999999,"nbf":"soon"}}'
    vault.faults["db-password"] = deque([Answer(200, raw=body)])
    found = make().fetch("DB_PASSWORD")
    assert found is not None
    assert (found.value, found.version, found.expires_at_ns, found.not_before_ns) == ("v", "", None, None)


def test_only_the_first_request_is_challenged(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    credential = StubCredential()
    source = make(credential=credential)
    for _ in range(3):
        source.fetch("DB_PASSWORD")
    assert [(status, token) for _, _, status, token in vault.requests] == [(401, False), *[(200, True)] * 3]
    assert credential.calls == [("https://vault.example.test/.default",)]
    assert credential.options[0]["tenant_id"] == TENANT


def test_a_missing_secret_leaves_a_hint_at_its_place_until_it_is_there(
    vault: KeyVaultServer, make: KeyVaultSources
) -> None:
    source = make()
    assert source.fetch("GONE") is None
    assert source.locate("GONE") == f"{vault.url} GONE (missing or soft-deleted)"
    vault.secrets["GONE"] = StoredSecret(VALUE)
    assert source.fetch("GONE") is not None
    assert source.locate("GONE") == f"{vault.url} GONE"


def test_a_rotated_secret_is_read_with_its_new_version(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    source = make()
    source.fetch("DB_PASSWORD")
    vault.secrets["DB-PASSWORD"] = StoredSecret("another", version="f" * 32)
    found = source.fetch("DB_PASSWORD")
    assert found is not None
    assert (found.value, found.version) == ("another", "f" * 32)


ROLE = (
    f"az role assignment create --role 'Key Vault Secrets User' --assignee {CALLER} "
    '--scope "$(az keyvault show --name localhost --query id --output tsv)"'
)
WHO = f"object id {CALLER}, application {APPLICATION}"
REFUSALS = [
    (forbidden("ForbiddenByRbac"), "BW1404", RefusedError, f"{WHO} lacks a role", ROLE),
    (
        forbidden("AccessDenied"),
        "BW1404",
        RefusedError,
        f"do not let {WHO} get secrets",
        f"az keyvault set-policy --name localhost --secret-permissions get --object-id {CALLER}",
    ),
    (
        forbidden("ForbiddenByFirewall"),
        "BW1404",
        RefusedError,
        f"this machine's address {CLIENT_ADDRESS}",
        f"az keyvault network-rule add --name localhost --ip-address {CLIENT_ADDRESS}",
    ),
    (forbidden("ForbiddenByConnection"), "BW1404", RefusedError, "public networks", "--public-network-access Enabled"),
    (Answer(403, raw=b"<html>proxy</html>"), "BW1404", RefusedError, "perhaps a proxy", "OBJECT-ID"),
    (forbidden("SecretDisabled"), "BW1405", RefusedError, "switched off", "--enabled true"),
    (forbidden("SecretExpired"), "BW1411", RefusedError, "403 SecretExpired", "az keyvault secret set --vault-name"),
    (forbidden("SecretNotYetValid"), "BW1412", RefusedError, "403 SecretNotYetValid", "--not-before"),
    (Answer(400, "BadParameter"), "BW1402", RefusedError, "1 to 127", "AZURE_KEY_VAULT_URL"),
    (Answer(404, raw=b"<html>not here</html>"), "BW1407", RefusedError, "404", "AZURE_KEY_VAULT_URL"),
    (Answer(302, headers={"Location": "https://evil.example.test/"}), "BW1407", RefusedError, "302", "proxy"),
    (Answer(200, raw=b"<html>sign in</html>"), "BW1407", RefusedError, "", "proxy"),
    (Answer(200, raw=b"{}"), "BW1407", RefusedError, "", "proxy"),
    (Answer(200, raw=b"[]"), "BW1407", RefusedError, "cannot read", "proxy"),
    (Answer(200, raw=b'{"value":"x","id":"x"}'), "BW1407", RefusedError, "cannot read", "proxy"),
    (Answer(501, "NotImplemented"), "BW1406", UnreachableError, "501", "firewall"),
]


@pytest.mark.parametrize(
    ("answer", "code", "kind", "why", "fix"), REFUSALS, ids=lambda value: getattr(value, "inner", None)
)
def test_every_refusal_is_told_with_its_remedy(
    vault: KeyVaultServer,
    make: KeyVaultSources,
    answer: Answer,
    code: str,
    kind: type[BuswayError],
    why: str,
    fix: str,
) -> None:
    vault.faults["db-password"] = deque([answer])
    error = error_of(make())
    assert (error.code, type(error)) == (code, kind)
    assert why in error.problem.why
    assert fix in error.problem.fix
    assert vault.url in error.problem.where
    assert len(vault.requests) == 2  # the challenge and the answer: what cannot pass is not tried again


TRANSIENT = [
    (Answer(429, "Throttled"), "BW1408", "in 1 s"),
    (Answer(429, "Throttled", headers={"Retry-After": "0"}), "BW1408", "in 0 s"),
    (Answer(408, raw=b""), "BW1406", "firewall"),
    (Answer(500, "InternalError"), "BW1406", "firewall"),
    (Answer(503, raw=b""), "BW1406", "firewall"),
    (Answer(200, raw=b'{"value": "cut off here"}', manner="cut"), "BW1406", "firewall"),
]


@pytest.mark.parametrize(("answer", "code", "fix"), TRANSIENT)
def test_what_may_pass_is_tried_again_and_then_told(
    vault: KeyVaultServer, make: KeyVaultSources, clock: ManualClock, answer: Answer, code: str, fix: str
) -> None:
    vault.faults["db-password"] = deque([answer] * 4)
    error = error_of(make())
    assert (error.code, type(error)) == (code, UnreachableError)
    assert fix in error.problem.fix
    assert clock.monotonic() <= 2.7


@pytest.mark.parametrize(("answer", "code", "fix"), TRANSIENT)
def test_what_passes_is_not_noticed(
    vault: KeyVaultServer, make: KeyVaultSources, clock: ManualClock, answer: Answer, code: str, fix: str
) -> None:
    vault.faults["db-password"] = deque([answer])
    found = make().fetch("DB_PASSWORD")
    assert found is not None
    assert found.value == VALUE
    assert len(vault.requests) == 3  # the challenge, the failure, the answer
    assert 0.05 <= clock.monotonic() <= 1.1


@pytest.mark.parametrize(
    ("header", "wait"),
    [("900", "900 s, at 2026-01-01T00:15:00Z"), ("Thu, 01 Jan 2026 00:10:00 GMT", "600 s, at 2026-01-01T00:10:00Z")],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_vault_that_wants_to_be_left_alone_is_not_waited_for(
    vault: KeyVaultServer, make: KeyVaultSources, clock: ManualClock, header: str, wait: str, status: int
) -> None:
    vault.faults["db-password"] = deque([Answer(status, "Throttled", headers={"Retry-After": header})] * 9)
    source = make()
    error = error_of(source)
    assert error.code == ("BW1408" if status == 429 else "BW1406")
    assert status != 429 or f"it may be asked again in {wait}" in error.problem.fix
    assert (clock.monotonic(), len(vault.requests)) == (0, 2)
    clock.advance(29)
    assert error_of(source).code == error.code
    assert len(vault.requests) == 2
    clock.advance(2)
    error_of(source)
    assert len(vault.requests) == 3


def test_an_answer_that_breaks_off_is_told_as_such(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    vault.faults["db-password"] = deque([Answer(200, raw=b'{"value": "cut off here"}', manner="cut")] * 4)
    assert "in the middle of the answer" in error_of(make()).problem.why


def test_a_short_wait_is_granted_in_full(vault: KeyVaultServer, make: KeyVaultSources, clock: ManualClock) -> None:
    vault.faults["db-password"] = deque([Answer(429, "Throttled", headers={"Retry-After": "2"})])
    assert make().fetch("DB_PASSWORD") is not None
    assert clock.monotonic() == 2


@pytest.mark.parametrize("header", ["soon", "-5", "1e9", "٣", "Thu, 99 Jan 2026", ""])
def test_a_wait_that_is_none_counts_as_one_second(
    vault: KeyVaultServer, make: KeyVaultSources, clock: ManualClock, header: str
) -> None:
    headers = {"Retry-After": header.encode("utf-8").decode("latin-1")}
    vault.faults["db-password"] = deque([Answer(429, "Throttled", headers=headers)])
    assert make().fetch("DB_PASSWORD") is not None
    assert clock.monotonic() == 1


def test_throttling_holds_as_long_as_the_vault_asks(
    vault: KeyVaultServer, make: KeyVaultSources, clock: ManualClock
) -> None:
    vault.faults["db-password"] = deque([Answer(429, "Throttled", headers={"Retry-After": "7"})])
    source = make()
    error_of(source)
    clock.advance(6)
    assert error_of(source).code == "BW1408"
    clock.advance(2)
    assert source.fetch("DB_PASSWORD") is not None


def test_a_disabled_secret_is_diagnosed(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    vault.secrets["DB-PASSWORD"] = StoredSecret(VALUE, enabled=False)
    assert error_of(make()).code == "BW1405"


@pytest.mark.parametrize(
    ("stored", "code", "why"),
    [
        (StoredSecret(VALUE, expires=NOW), "BW1411", "it expired at 2026-01-01T00:00:00Z"),
        (StoredSecret(VALUE, not_before=NOW + 60), "BW1412", "it is valid from 2026-01-01T00:01:00Z"),
    ],
)
def test_a_value_out_of_its_time_is_handed_out_unless_it_is_to_be_refused(
    vault: KeyVaultServer, make: KeyVaultSources, stored: StoredSecret, code: str, why: str
) -> None:
    vault.secrets["DB-PASSWORD"] = stored
    found = make().fetch("DB_PASSWORD")
    assert found is not None
    assert found.value == VALUE
    strict = make(refuse_expired=True)
    error = error_of(strict)
    assert (error.code, type(error)) == (code, RefusedError)
    assert why in error.problem.why
    assert error_of(strict).code == code  # asked again each time: it may be renewed at any moment


def test_a_value_in_its_time_is_not_refused(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    vault.secrets["DB-PASSWORD"] = StoredSecret(VALUE, expires=NOW + 1, not_before=NOW)
    assert make(refuse_expired=True).fetch("DB_PASSWORD") is not None


def test_texts_of_the_vault_stay_out_of_errors(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    vault.faults["db-password"] = deque([forbidden("ForbiddenByRbac")])
    error = error_of(make())
    told = error.render() + "".join(traceback.format_exception(error))
    assert CLIENT_ADDRESS not in told
    assert "not authorized" not in told
    assert TOKEN not in told


def test_an_unreachable_vault_is_tried_for_one_name_and_recovers(
    vault: KeyVaultServer, make: KeyVaultSources, clock: ManualClock
) -> None:
    vault.faults["db-password"] = deque([Answer(503)] * 4)
    source = make()
    assert error_of(source).code == "BW1406"
    asked = len(vault.requests)
    assert [error_of(source, name).code for name in ("A", "B")] == ["BW1406"] * 2
    assert len(vault.requests) == asked
    clock.advance(31)
    assert source.fetch("DB_PASSWORD") is not None


def test_a_remembered_failure_is_told_at_once(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    source = make(credential=StubCredential(fails=CredentialUnavailableError("synthetic")))
    error_of(source)
    took = []
    for _ in range(50):
        start = time.perf_counter()
        with pytest.raises(RefusedError):
            source.fetch("DB_PASSWORD")
        took.append(time.perf_counter() - start)
    assert sorted(took)[25] <= 0.001


def test_a_refused_secret_does_not_hold_up_the_others(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    vault.faults["other"] = deque([forbidden("AccessDenied")])
    source = make()
    assert error_of(source, "OTHER").code == "BW1404"
    assert source.fetch("DB_PASSWORD") is not None
    assert source.fetch("OTHER") is None  # and it is asked again itself: access may have been granted


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_nobody_listening_is_unreachable(make: KeyVaultSources, clock: ManualClock) -> None:
    error = error_of(make(url=f"https://localhost:{closed_port()}"))
    assert (error.code, error.problem.why) == ("BW1406", "the connection was refused")
    assert 0.3 <= clock.monotonic() <= 0.7  # three waits between four attempts


def test_a_host_without_an_address_is_told(make: KeyVaultSources, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*arguments: object, **options: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = error_of(make(url="https://acme-prod.vault.azure.net"))
    assert (error.code, error.problem.why) == ("BW1406", "the host is not known to DNS")
    assert "acme-prod" in error.problem.fix


def test_an_untrusted_certificate_is_not_accepted_and_not_tried_again(
    vault: KeyVaultServer, make: KeyVaultSources, clock: ManualClock
) -> None:
    credential = StubCredential()
    error = error_of(make(credential=credential, options={"verify_challenge_resource": False}))
    assert (error.code, credential.calls, clock.monotonic()) == ("BW1406", [], 0)
    assert "certificate" in error.problem.why
    assert "REQUESTS_CA_BUNDLE" in error.problem.fix


def test_a_challenge_for_another_domain_gets_no_token(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    credential = StubCredential()
    error = error_of(make(credential=credential, options={"connection_verify": vault.ca_file}))
    assert (error.code, credential.calls) == ("BW1407", [])
    assert "domain" in error.problem.why


@pytest.mark.parametrize(
    "unsafe",
    [
        {"logging_enable": True},
        {"logging_enable": False},
        {"policies": [{"options": {"logging_enable": True}}]},
        {"logging_body": True},
        {"connection_verify": False},
    ],
)
def test_unsafe_options_of_the_client_are_refused_when_the_source_is_built(
    vault: KeyVaultServer, make: KeyVaultSources, unsafe: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make(options={**vault.client_options, **unsafe})
    assert caught.value.code == "BW1413"
    assert caught.value.problem.fix


def test_closing_gives_the_credential_back_once(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    credential = StubCredential()
    source = make(credential=credential)
    source.fetch("DB_PASSWORD")
    source.close()
    source.close()
    assert credential.closed == 1
