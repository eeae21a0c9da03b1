"""Vault, network and credential hang in every way they can: each call ends in its time, and the source recovers."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from builders.key_vault_server import Answer, KeyVaultServer, MetadataAddress, StoredSecret, StubCredential
from builders.key_vault_source import KeyVaultSources, error_of
from busway.contracts.clock import SystemClock
from busway.errors import BuswayError, UnreachableError
from busway.metrics.registry import Metrics
from busway.plugins.guarded_source import GuardedSource
from busway.plugins.origins import Origin
from busway_secrets_keyvault.crew import THREADS, Crew, Overdue
from busway_secrets_keyvault.source import KeyVaultSource

VALUE = "synthetic-secret-value"
BUDGET = 0.3
LATE = 0.7
"""What a busy machine may add; far less than the seconds that a hang would take."""


class ClockAhead(SystemClock):
    """The real clock, which a test sets forward past the time a failure is remembered."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[KeyVaultServer]:
    secrets = {"DB-PASSWORD": StoredSecret(VALUE), **{f"NAME-{number}": StoredSecret(VALUE) for number in range(40)}}
    with KeyVaultServer(tmp_path, secrets=secrets) as vault:
        yield vault


@pytest.fixture
def clock() -> ClockAhead:
    return ClockAhead()


@pytest.fixture
def make(vault: KeyVaultServer, clock: ClockAhead) -> Iterator[KeyVaultSources]:
    # The client library is imported once here, so that it does not eat the small budgets.
    import azure.identity
    import azure.keyvault.secrets

    assert azure.identity
    assert azure.keyvault.secrets
    with KeyVaultSources(vault, clock) as sources:
        yield sources


def timed_error(call: Callable[[], object]) -> tuple[UnreachableError, float]:
    start = time.perf_counter()
    with pytest.raises(UnreachableError) as caught:
        call()
    return caught.value, time.perf_counter() - start


def until(condition: Callable[[], bool]) -> None:
    """Waits for a thread that is on its way out; fails after 10 s."""
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.002)


@contextmanager
def in_a_hurry(source: KeyVaultSource) -> Iterator[None]:
    """Little time for what hangs; what is to succeed keeps the usual time, which a busy machine may need."""
    usual, source.budget = source.budget, BUDGET
    yield
    source.budget = usual


def silence(vault: KeyVaultServer) -> None:
    vault.silent = True


def muteness(vault: KeyVaultServer) -> None:
    vault.mute = True


def never(vault: KeyVaultServer) -> None:
    vault.faults["db-password"] = deque([Answer(200, manner="never")] * 9)


def drip(vault: KeyVaultServer) -> None:
    vault.faults["db-password"] = deque([Answer(200, raw=b'{"value":"' + b"x" * 5_000, manner="drip")])


def slowness(vault: KeyVaultServer) -> None:
    vault.latency_seconds = 0.25


@pytest.mark.parametrize("timeout", [0.05, 5.0], ids=["library-gives-up", "library-waits"])
@pytest.mark.parametrize("hang", [silence, muteness, never, drip])
def test_a_vault_that_hangs_costs_the_budget_and_recovers(
    vault: KeyVaultServer,
    make: KeyVaultSources,
    clock: ClockAhead,
    hang: Callable[[KeyVaultServer], None],
    timeout: float,
) -> None:
    hang(vault)
    source = make(timeout_seconds=timeout)
    with in_a_hurry(source):
        error, took = timed_error(lambda: source.fetch("DB_PASSWORD"))
        assert error.code == "BW1406"
        assert took < BUDGET + LATE
        error, took = timed_error(lambda: source.fetch("NAME_1"))
        assert took < BUDGET / 2
    vault.faults.clear()
    vault.release()
    until(lambda: source.stuck == 0)
    clock.ahead = 31
    found = source.fetch("DB_PASSWORD")
    assert found is not None
    assert found.value == VALUE


@pytest.mark.parametrize("hang", [silence, muteness, slowness])
def test_many_secrets_have_the_time_of_one(
    vault: KeyVaultServer, make: KeyVaultSources, hang: Callable[[KeyVaultServer], None]
) -> None:
    hang(vault)
    source = make(budget_seconds=BUDGET)
    names = [f"NAME_{number}" for number in range(40)]
    error, took = timed_error(lambda: source.fetch_many(names))
    assert error.code == "BW1406"
    assert took < BUDGET + LATE


def test_what_came_in_time_is_handed_out_beside_what_did_not(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    source = make(budget_seconds=1)
    source.fetch("NAME_0")
    vault.faults["name-7"] = deque([Answer(200, manner="never")])
    found = dict(source.fetch_many([f"NAME_{number}" for number in range(8)]))
    assert isinstance(found.pop("NAME_7"), UnreachableError)
    assert len(found) == 7
    assert not any(isinstance(one, BuswayError) for one in found.values())


def test_a_name_that_hangs_is_not_asked_again_and_others_are(
    vault: KeyVaultServer, make: KeyVaultSources, clock: ClockAhead
) -> None:
    metrics = Metrics()
    source = make(timeout_seconds=5, metrics=metrics)
    source.fetch("NAME_0")
    drip(vault)
    with in_a_hurry(source):
        timed_error(lambda: source.fetch("DB_PASSWORD"))
        assert source.stuck == 1
        asked = len(vault.requests)
        clock.ahead = 31
        _, took = timed_error(lambda: source.fetch("DB_PASSWORD"))
    assert (took < BUDGET + LATE, len(vault.requests), source.stuck) == (True, asked, 1)
    clock.ahead = 62
    assert source.fetch("NAME_1") is not None
    (counted,) = [one for one in metrics.snapshot() if one.name == "busway_keyvault_left_behind_total"]
    assert counted.value == 1


def test_a_first_request_that_hangs_keeps_no_other_out(
    vault: KeyVaultServer, make: KeyVaultSources, clock: ClockAhead
) -> None:
    source = make(timeout_seconds=5)
    drip(vault)
    source.budget, usual = 1.0, source.budget  # the request must have reached the vault
    timed_error(lambda: source.fetch("DB_PASSWORD"))
    source.budget = usual
    clock.ahead = 31
    assert source.fetch("NAME_1") is not None
    assert source.stuck == 1


def test_threads_that_are_left_behind_are_daemons_and_bounded(
    vault: KeyVaultServer, make: KeyVaultSources, clock: ClockAhead
) -> None:
    source = make(timeout_seconds=30)
    source.fetch("NAME_0")
    for number in range(40):
        vault.faults[f"name-{number}"] = deque([Answer(200, manner="never")] * 9)
    before = threading.active_count()
    for round_ in range(3):
        clock.ahead += 31
        names = [f"NAME_{number}" for number in range(round_ * 13, round_ * 13 + 13)]
        with in_a_hurry(source):
            _, took = timed_error(lambda names=names: source.fetch_many(names))  # type: ignore[misc]
        assert took < BUDGET + LATE
    mine = [thread for thread in threading.enumerate() if thread.name == "busway-keyvault"]
    assert source.stuck == THREADS == len(mine)
    assert all(thread.daemon for thread in mine)
    assert threading.active_count() <= before + 2 * THREADS  # the stand-in has one for each connection
    clock.ahead += 31
    _, took = timed_error(lambda: source.fetch("DB_PASSWORD"))
    assert took < BUDGET / 2  # no place is free, so there is nothing to wait for
    vault.faults.clear()
    vault.release()
    until(lambda: source.stuck == 0)
    clock.ahead += 31
    assert source.fetch("DB_PASSWORD") is not None


@pytest.mark.parametrize("header", ["900", "86400"])
def test_a_long_retry_after_is_not_waited_for(vault: KeyVaultServer, make: KeyVaultSources, header: str) -> None:
    vault.faults["db-password"] = deque([Answer(429, "Throttled", headers={"Retry-After": header})] * 9)
    error, took = timed_error(lambda: make().fetch("DB_PASSWORD"))
    assert error.code == "BW1408"
    assert took < LATE


class HangingCredential(StubCredential):
    """Gives its token when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def get_token(self, *scopes: str, **options: Any) -> Any:
        token = super().get_token(*scopes, **options)
        self.go.wait(30)
        return token


def test_a_credential_that_hangs_is_asked_once_and_its_late_token_is_used(
    vault: KeyVaultServer, make: KeyVaultSources, clock: ClockAhead
) -> None:
    credential = HangingCredential()
    source = make(credential=credential)
    with in_a_hurry(source):
        error, took = timed_error(lambda: source.fetch_many(["NAME_0", "NAME_1", "NAME_2"]))
    assert error.code == "BW1409"
    assert took < BUDGET + LATE
    clock.ahead = 31
    error, took = timed_error(lambda: source.fetch("NAME_3"))
    assert (error.code, took < BUDGET / 2, len(credential.calls)) == ("BW1409", True, 1)
    credential.go.set()
    until(lambda: source.stuck == 0)
    found = source.fetch("NAME_3")  # at once: nothing is held against a vault that has answered
    assert found is not None
    assert len(credential.calls) == 1


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> Iterator[MetadataAddress]:
    with MetadataAddress() as metadata:
        for name, value in metadata.environ.items():
            monkeypatch.setenv(name, value)
        yield metadata


def test_a_silent_metadata_address_costs_one_attempt_when_the_library_gives_up(
    make: KeyVaultSources, metadata: MetadataAddress, clock: ClockAhead
) -> None:
    source = make(real_credential=True, timeout_seconds=0.5)
    start = time.perf_counter()
    error = error_of(source)
    assert (error.code, "ManagedIdentityCredential" in error.problem.why) == ("BW1403", True)
    assert time.perf_counter() - start < 2.7
    metadata.release()
    clock.ahead = 31
    assert source.fetch("DB_PASSWORD") is not None


def test_a_silent_metadata_address_costs_the_budget_and_its_late_token_is_used(
    make: KeyVaultSources, metadata: MetadataAddress
) -> None:
    source = make(real_credential=True, timeout_seconds=30)
    with in_a_hurry(source):
        error, took = timed_error(lambda: source.fetch("DB_PASSWORD"))
    assert error.code == "BW1409"
    assert "AZURE_TOKEN_CREDENTIALS" in error.problem.fix
    assert took < BUDGET + LATE
    metadata.release()
    until(lambda: source.stuck == 0)
    assert source.fetch("DB_PASSWORD") is not None
    assert len(metadata.requests) == 1


def test_a_credential_command_that_hangs_costs_the_budget(
    make: KeyVaultSources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = tmp_path / "az"
    command.write_text("#!/bin/sh\nexec sleep 20\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    monkeypatch.setattr("busway_secrets_keyvault.credential.PROCESS_SECONDS", 1)
    source = make(real_credential=True, budget_seconds=BUDGET)
    error, took = timed_error(lambda: source.fetch("DB_PASSWORD"))
    assert error.code == "BW1409"
    assert took < BUDGET + LATE
    until(lambda: source.stuck == 0)


@pytest.mark.parametrize("hang", [silence, muteness, drip])
def test_the_core_never_has_to_give_the_source_up(
    vault: KeyVaultServer, make: KeyVaultSources, hang: Callable[[KeyVaultServer], None]
) -> None:
    source: KeyVaultSource = make(call_seconds=2.0, timeout_seconds=30)
    guarded = GuardedSource(source, Origin("secrets", "keyvault", "busway-secrets-keyvault", "0.1", "k"), 2.0)
    hang(vault)
    error, took = timed_error(lambda: guarded.fetch("DB_PASSWORD"))
    assert (error.code, guarded.failure) == ("BW1406", None)
    assert 1.5 < took < 2.0


def test_a_thread_that_cannot_be_started_blocks_no_later_call(
    make: KeyVaultSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            source.fetch("DB_PASSWORD")
    assert source.fetch("DB_PASSWORD") is not None


def refuse(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_names_that_were_never_begun_are_not_held_against_the_vault(
    make: KeyVaultSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make()
    with monkeypatch.context() as patch:
        patch.setattr(Crew, "read", lambda self, names, deadline: dict.fromkeys(names, Overdue.OVERDUE))
        timed_error(lambda: source.fetch("DB_PASSWORD"))
    assert source.fetch("DB_PASSWORD") is not None


def test_a_slow_vault_gets_further_with_every_call(vault: KeyVaultServer, make: KeyVaultSources) -> None:
    source = make(budget_seconds=1)
    source.fetch("NAME_0")
    vault.latency_seconds = 0.6
    names = [f"NAME_{number}" for number in range(2 * THREADS)]
    first = source.fetch_many(names)
    read = [name for name, one in first.items() if not isinstance(one, BuswayError)]
    assert 1 <= len(read) < len(names)
    until(lambda: source.stuck == 0)
    rest = [name for name in names if name not in read][: THREADS // 2]
    second = source.fetch_many(rest)
    assert not [one for one in second.values() if isinstance(one, BuswayError)]
