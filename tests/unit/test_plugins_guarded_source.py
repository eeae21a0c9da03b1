"""A secret source behind its guard: what hangs, breaks or answers nonsense becomes a coded error that names it."""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections import UserDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busway.contracts.secrets import SecretSource, SecretValue
from busway.errors import BuswayError, ConfigurationError, PluginError, RefusedError, UnreachableError
from busway.plugins.guarded_source import GuardedSource
from busway.plugins.origins import Origin
from busway.plugins.worker import abandoned_calls, abandoned_count

ORIGIN = Origin("secrets", "vault", "acme-busway-vault", "1.2", "acme_vault")
CANARY = "canary-9f3c2a1b-secret"
SHORT = 0.02
ASKED: list[tuple[str, Callable[[SecretSource], Any]]] = [
    ("fetch", lambda source: source.fetch("TOKEN")),
    ("fetch_many", lambda source: source.fetch_many(["TOKEN", "PASSWORD"])),
    ("names", lambda source: source.names()),
]
METHODS = [pytest.param(name, ask, id=name) for name, ask in ASKED]


class Vault:
    """A source whose every method does what a test says."""

    serves_settings = False

    def __init__(self, **does: Callable[[], Any]) -> None:
        self.does = does
        self.calls: list[str] = []
        self.threads: set[str] = set()

    def fetch(self, name: str) -> SecretValue | None:
        value: SecretValue | None = self._do("fetch", SecretValue(CANARY, "vault TOKEN", "3f2c", 5))
        return value

    def fetch_many(self, names: Iterable[str]) -> Any:
        return self._do("fetch_many", {name: SecretValue(CANARY) for name in names})

    def names(self) -> Any:
        return self._do("names", (name for name in ("TOKEN", "PASSWORD")))

    def locate(self, name: str) -> str:
        return str(self._do("locate", f"vault {name}"))

    def close(self) -> None:
        self._do("close", None)

    def _do(self, method: str, good: Any) -> Any:
        self.calls.append(method)
        self.threads.add(threading.current_thread().name)
        return self.does[method]() if method in self.does else good


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def guarded(vault: Vault, seconds: float = 5) -> GuardedSource:
    return GuardedSource(vault, ORIGIN, seconds)


def raising(error: BaseException) -> Callable[[], Any]:
    def act() -> Any:
        raise error

    return act


def error_of(ask: Callable[[], object]) -> BuswayError:
    with pytest.raises(BuswayError) as caught:
        ask()
    return caught.value


def test_a_source_that_works_is_passed_through_in_a_daemon_worker() -> None:
    vault = Vault()
    source = guarded(vault)
    assert isinstance(source, SecretSource)
    assert source.serves_settings is False
    assert source.fetch("TOKEN") == SecretValue(CANARY, "vault TOKEN", "3f2c", 5)
    assert source.fetch_many(iter(["A", "B"])).keys() == {"A", "B"}
    assert source.names() == ["TOKEN", "PASSWORD"]
    assert source.locate("TOKEN") == "vault TOKEN"
    source.close()
    assert vault.calls == ["fetch", "fetch_many", "names", "locate", "close"]
    assert threading.current_thread().name not in vault.threads
    assert guarded(Vault(fetch=lambda: None)).fetch("TOKEN") is None
    assert source.trouble == ""


@pytest.mark.parametrize("error", [UnreachableError("BW1404", "away"), RefusedError("BW1406", "no")])
@pytest.mark.parametrize(("method", "ask"), METHODS)
def test_what_a_source_raises_on_purpose_passes(method: str, ask: Any, error: BuswayError) -> None:
    source = guarded(Vault(**{method: raising(error)}))
    assert error_of(lambda: ask(source)) is error
    assert source.failure is None


# -- hanging


@pytest.mark.parametrize(("method", "ask"), METHODS)
def test_a_source_that_hangs_is_named_and_never_asked_again(
    method: str, ask: Any, release: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    vault, before = Vault(**{method: lambda: release.wait(30)}), abandoned_count()
    source = guarded(vault, SHORT)
    error = error_of(lambda: ask(source))
    assert isinstance(error, UnreachableError)
    assert error.exit_code == 5
    text = error.render()
    for part in (
        "BW1320", "secret source vault", "within 0.02 s", f"{method}()", "acme-busway-vault 1.2",
        "entry point busway.v1.secrets: vault = acme_vault", "pip install -U acme-busway-vault", "plugins.secrets",
    ):  # fmt: skip
        assert part in text
    assert abandoned_calls(before) == [f"{method}() of secrets.vault (acme-busway-vault 1.2)"]
    assert source.trouble == "was abandoned: no answer within 0.02 s"
    for _, other in ASKED:
        assert error_of(lambda: other(source)).problem == error.problem  # noqa: B023 - called at once
    assert source.locate("TOKEN") == "secrets.vault (acme-busway-vault 1.2)", "a place for people is always told"
    source.close()
    assert vault.calls == [method], "neither asked nor closed again"
    (line,) = caplog.messages
    assert line == f"secrets.vault (acme-busway-vault 1.2) was abandoned: {method}() gave no answer within 0.02 s"


def test_later_calls_fail_at_once(release: threading.Event) -> None:
    source = guarded(Vault(fetch=lambda: release.wait(30)), SHORT)
    error_of(lambda: source.fetch("TOKEN"))
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        error_of(lambda: source.fetch("TOKEN"))
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.001


def test_a_mapping_that_hangs_while_it_is_read_hangs_in_the_worker(release: threading.Event) -> None:
    class Slow(UserDict[str, SecretValue]):
        def __iter__(self) -> Iterator[str]:
            release.wait(30)
            return iter(())

    def names() -> Iterator[str]:
        release.wait(30)
        yield "TOKEN"

    assert error_of(lambda: guarded(Vault(fetch_many=Slow), SHORT).fetch_many(["A"])).code == "BW1320"
    assert error_of(lambda: guarded(Vault(names=names), SHORT).names()).code == "BW1320"


def test_names_without_end_do_not_fill_the_memory() -> None:
    def names() -> Iterator[str]:
        while True:
            yield "TOKEN"

    assert len(list(guarded(Vault(names=names)).names())) == 100_000


def test_many_threads_are_all_told_and_the_next_one_at_once(release: threading.Event) -> None:
    vault = Vault(fetch=lambda: release.wait(30))
    source = guarded(vault, 0.05)
    with ThreadPoolExecutor(4) as pool:
        codes = [pool.submit(lambda: error_of(lambda: source.fetch("TOKEN")).code) for _ in range(4)]
    assert {code.result() for code in codes} == {"BW1320"}
    calls = len(vault.calls)
    error_of(lambda: source.fetch("TOKEN"))
    assert len(vault.calls) == calls


def test_a_source_whose_place_hangs_is_given_up_too(release: threading.Event) -> None:
    source = guarded(Vault(locate=lambda: release.wait(30)), SHORT)
    assert source.locate("TOKEN") == ORIGIN.label
    assert error_of(lambda: source.fetch("TOKEN")).code == "BW1320"


# -- what breaks


@pytest.mark.parametrize(
    ("raised", "kind", "name"),
    [
        (KeyError(CANARY), PluginError, "KeyError"),
        (ValueError(f"wrong {CANARY}"), PluginError, "ValueError"),
        (ConnectionRefusedError(111, CANARY), UnreachableError, "ConnectionRefusedError"),
        (TimeoutError(CANARY), UnreachableError, "TimeoutError"),
        (SystemExit(CANARY), PluginError, "SystemExit"),
        (KeyboardInterrupt(CANARY), PluginError, "KeyboardInterrupt"),
        (RecursionError(), PluginError, "RecursionError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize(("method", "ask"), METHODS)
def test_a_source_that_breaks_is_named_without_its_words(
    method: str, ask: Any, raised: BaseException, kind: type[BuswayError], name: str
) -> None:
    source = guarded(Vault(**{method: raising(raised)}))
    error = error_of(lambda: ask(source))
    assert type(error) is kind
    text = error.render()
    for part in (
        "BW1321", "secret source vault", f"{method}()", name, "acme-busway-vault 1.2", "vault = acme_vault",
        "raised at test_plugins_guarded_source.py:", "pip install -U acme-busway-vault",
    ):  # fmt: skip
        assert part in text
    told = "".join(traceback.format_exception(error))
    assert CANARY not in text + told + repr(error) + str(error)
    assert source.failure is None, "it may work the next time"


def test_sys_exit_in_a_source_ends_nothing() -> None:
    source = guarded(Vault(fetch=lambda: sys.exit(7)))
    error = error_of(lambda: source.fetch("TOKEN"))
    assert isinstance(error, ConfigurationError)
    assert "SystemExit" in error.problem.what


def test_a_source_that_breaks_in_its_place_is_named_instead() -> None:
    for bad in (raising(KeyError(CANARY)), lambda: ""):
        assert guarded(Vault(locate=bad)).locate("TOKEN") == ORIGIN.label


def test_a_source_that_cannot_be_closed_is_logged(caplog: pytest.LogCaptureFixture, release: threading.Event) -> None:
    with caplog.at_level(logging.WARNING):
        guarded(Vault(close=raising(KeyError(CANARY)))).close()
        guarded(Vault(close=lambda: release.wait(30)), SHORT).close()
    assert caplog.text.count("secrets.vault (acme-busway-vault 1.2) did not close cleanly") == 2
    assert CANARY not in caplog.text


# -- answering nonsense

NONSENSE = st.one_of(
    st.integers(), st.text(min_size=1), st.binary(min_size=1), st.lists(st.integers(), min_size=1), st.booleans(),
    st.builds(SecretValue, st.none()), st.builds(SecretValue, st.integers()),
    st.builds(SecretValue, st.just("x"), st.integers()), st.builds(SecretValue, st.just("x"), expires_at_ns=st.text()),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(NONSENSE)
def test_an_answer_of_another_type_is_refused(answer: Any) -> None:
    source = guarded(Vault(fetch=lambda: answer, fetch_many=lambda: {"TOKEN": answer}, names=lambda: [answer, 3]))
    for _, ask in ASKED:
        error = error_of(lambda: ask(source))  # noqa: B023 - called at once
        assert isinstance(error, PluginError)
        assert error.code == "BW1322"
        assert "acme-busway-vault 1.2, entry point busway.v1.secrets: vault" in error.problem.where


@pytest.mark.parametrize("answer", [None, "TOKEN", b"TOKEN", 3], ids=str)
def test_a_container_of_another_type_is_refused(answer: Any) -> None:
    source = guarded(Vault(fetch_many=lambda: answer, names=lambda: answer))
    assert error_of(lambda: source.fetch_many(["TOKEN"])).code == "BW1322"
    assert error_of(source.names).code == "BW1322"


def test_nonsense_is_told_by_type_alone() -> None:
    error = error_of(lambda: guarded(Vault(fetch=lambda: CANARY)).fetch("TOKEN"))
    assert "returned an object of str from fetch(), not SecretValue or None" in error.problem.what
    assert CANARY not in error.render()


def test_a_source_that_cannot_say_what_it_serves_is_refused() -> None:
    class Odd(Vault):
        @property
        def serves_settings(self) -> bool:  # type: ignore[override]
            raise KeyError(CANARY)

    assert error_of(lambda: guarded(Odd())).code == "BW1321"
