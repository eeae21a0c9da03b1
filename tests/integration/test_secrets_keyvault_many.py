"""Many secrets at once, and many threads: few requests, one challenge, one token, an answer for each name."""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError

from builders.key_vault_server import Answer, KeyVaultServer, StoredSecret, StubCredential, forbidden
from builders.key_vault_source import KeyVaultSources, error_of
from busway.contracts.clock import SystemClock
from busway.contracts.secrets import SecretValue
from busway.errors import BuswayError, RefusedError, UnreachableError
from busway_secrets_keyvault.crew import THREADS

NAMES = [f"NAME_{number}" for number in range(60)]


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[KeyVaultServer]:
    secrets = {name.replace("_", "-"): StoredSecret(f"value-of-{name}") for name in NAMES}
    with KeyVaultServer(tmp_path, secrets=secrets) as vault:
        yield vault


@pytest.fixture
def make(vault: KeyVaultServer) -> Iterator[KeyVaultSources]:
    with KeyVaultSources(vault) as sources:
        yield sources


def values(found: object) -> dict[str, str]:
    assert isinstance(found, dict)
    return {name: one.value for name, one in found.items() if isinstance(one, SecretValue)}


def test_sixty_are_fetched_with_one_challenge_one_token_and_no_list(
    vault: KeyVaultServer, make: KeyVaultSources
) -> None:
    credential = StubCredential()
    vault.latency_seconds = 0.005
    found = make(credential=credential).fetch_many([*NAMES, *NAMES])
    assert values(found) == {name: f"value-of-{name}" for name in NAMES}
    assert len(credential.calls) == 1
    assert [status for _, _, status, _ in vault.requests].count(401) == 1
    assert len(vault.requests) == 61
    assert all(path.startswith("/secrets/NAME-") for _, path, _, _ in vault.requests)


def test_sixty_come_in_the_time_of_a_few(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    source = make(clock=SystemClock())
    source.fetch_many(NAMES)
    vault.requests.clear()
    vault.latency_seconds = 0.02
    took = []
    for _ in range(3):
        start = time.perf_counter()
        assert len(source.fetch_many(NAMES)) == 60
        took.append(time.perf_counter() - start)
    assert len(vault.requests) == 180
    # One by one it is 1.2 s of waiting alone.
    assert statistics.median(took) < 0.6


def test_a_missing_name_is_left_out_and_nothing_asked_costs_nothing(
    vault: KeyVaultServer, make: KeyVaultSources
) -> None:
    source = make()
    assert (source.fetch_many([]), list(source.names()), vault.requests) == ({}, [], [])
    assert values(source.fetch_many(["MISSING", "NAME_1"])) == {"NAME_1": "value-of-NAME_1"}
    assert source.fetch_many(["MISSING"]) == {}


def test_each_refused_name_has_its_error_and_spoils_no_other(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    vault.faults["name-1"] = deque([forbidden("ForbiddenByRbac")])
    vault.secrets["NAME-2"].enabled = False
    found = make().fetch_many(["NO SUCH NAME", *NAMES])
    codes = {name: one.code for name, one in found.items() if isinstance(one, BuswayError)}
    assert codes == {"NO SUCH NAME": "BW1402", "NAME_1": "BW1404", "NAME_2": "BW1405"}
    assert len(values(found)) == 58


def test_names_that_are_one_in_the_vault_are_refused_with_both_names(
    vault: KeyVaultServer, make: KeyVaultSources
) -> None:
    source = make()
    found = source.fetch_many(["NAME_1", "NAME-1", "name_1", "NAME_2", "NAME_2"])
    errors = {name: one for name, one in found.items() if isinstance(one, BuswayError)}
    assert {name: one.code for name, one in errors.items()} == dict.fromkeys(["NAME_1", "NAME-1", "name_1"], "BW1410")
    assert all("NAME_1 and NAME-1 and name_1" in one.problem.what for one in errors.values())
    assert values(found) == {"NAME_2": "value-of-NAME_2"}
    assert not any("/NAME-1/" in path.upper() for _, path, _, _ in vault.requests)
    assert error_of(source, "NAME_1").code == "BW1410"


def test_a_failed_credential_is_the_answer_for_every_name_and_asked_once(
    vault: KeyVaultServer, make: KeyVaultSources
) -> None:
    credential = StubCredential(fails=ClientAuthenticationError("synthetic"))
    source = make(credential=credential)
    for _ in range(2):
        found = source.fetch_many(NAMES)
        assert {one.code for one in found.values() if isinstance(one, RefusedError)} == {"BW1403"}
        assert len(found) == 60
        assert len({id(one) for one in found.values()}) == 60
    assert len(credential.calls) == 1
    assert len(vault.requests) == 1


def test_a_vault_that_answers_for_none_is_raised(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    for name in NAMES:
        vault.faults[name.lower().replace("_", "-")] = deque([Answer(503)] * 4)
    source = make()
    with pytest.raises(UnreachableError) as caught:
        source.fetch_many(NAMES)
    assert caught.value.code == "BW1406"
    assert len(vault.requests) == 5  # the challenge and four attempts for one name, not for sixty


def test_what_was_read_before_the_vault_went_away_is_not_lost(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    source = make()
    source.fetch("NAME_0")
    vault.faults["name-59"] = deque([Answer(503)] * 4)
    found = source.fetch_many(NAMES)
    assert isinstance(found["NAME_59"], UnreachableError)
    assert values(found)


def together(count: int, call: object) -> list[object]:
    """Calls from ``count`` threads that start at once."""
    assert callable(call)
    ready = threading.Barrier(count, timeout=30)

    def one(number: int) -> object:
        ready.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_64_threads_that_want_one_secret_make_one_request(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    vault.latency_seconds = 0.2
    credential = StubCredential()
    source = make(credential=credential)
    found = together(64, lambda _: source.fetch("NAME_1"))
    assert {one.value for one in found if isinstance(one, SecretValue)} == {"value-of-NAME_1"}
    assert len(found) == 64
    assert [status for _, _, status, _ in vault.requests] == [401, 200]
    assert len(credential.calls) == 1


def test_64_threads_that_want_one_secret_get_errors_of_their_own(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    vault.latency_seconds = 0.2
    vault.faults["name-1"] = deque([forbidden("AccessDenied")])
    source = make()

    def failing(_: int) -> BuswayError:
        with pytest.raises(RefusedError) as caught:
            source.fetch("NAME_1")
        return caught.value

    errors = together(64, failing)
    assert len({id(error) for error in errors}) == 64
    assert {error.status for error in errors if isinstance(error, RefusedError)} == {403}
    assert len(vault.requests) == 2


def test_cold_threads_that_want_different_secrets_share_challenge_and_token(
    vault: KeyVaultServer, make: KeyVaultSources
) -> None:
    vault.latency_seconds = 0.01
    credential = StubCredential()
    source = make(credential=credential)
    found = together(40, lambda number: source.fetch(NAMES[number]))
    assert [one.value for one in found if isinstance(one, SecretValue)] == [f"value-of-{name}" for name in NAMES[:40]]
    assert [status for _, _, status, _ in vault.requests].count(401) == 1
    assert len(credential.calls) == 1


def test_a_revoked_token_is_asked_for_a_few_times_and_not_by_every_thread(
    vault: KeyVaultServer, make: KeyVaultSources
) -> None:
    credential = StubCredential()
    source = make(credential=credential)
    source.fetch_many(NAMES)
    vault.token, vault.claims = "synthetic-token-with-claims", "eyJ4IjoxfQ=="
    credential.token = vault.token
    vault.latency_seconds = 0.01
    assert len(values(source.fetch_many(NAMES))) == 60
    assert 2 <= len(credential.calls) <= 1 + 2 * THREADS


def test_no_more_threads_than_connections_are_used(
    vault: KeyVaultServer, make: KeyVaultSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.latency_seconds = 0.02
    source = make()
    source.fetch("NAME_0")
    seen: list[int] = []
    answer = vault.answer

    def counted(method: str, path: str, token: str | None, body: bytes = b"") -> Answer:
        seen.append(sum(thread.name == "busway-keyvault" for thread in threading.enumerate()))
        return answer(method, path, token, body)

    monkeypatch.setattr(vault, "answer", counted)
    together(30, lambda number: source.fetch(NAMES[number]))
    assert 2 <= max(seen) <= THREADS
