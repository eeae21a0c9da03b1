"""Checks of a cache backend that is away, damaged, or closed."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message (pytest does not rewrite installed modules),
# and its name is its documentation.

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from busway.contracts.caches import CacheBackend, SupportsGenerations, SupportsLocks
from busway.errors import BuswayError, UnreachableError
from busway.testing.cache_checks import WEEK, CacheChecks, in_thread

__all__ = ["OutageChecks"]

KEY = "a:v1:d:e:x"
GARBAGE: tuple[bytes, ...] = (
    b"",
    b"\x00",
    b"not an entry",
    b"\xff" * 100,
    b"\x80\x04\x95cposix\nsystem\n",
    b"{" * 5_000,
    bytes(range(256)) * 40,
)


class OutageChecks(CacheChecks):
    """An outage has one name, and the end of it is noticed; damage is no outage; a closed backend is no trap."""

    def test_an_outage_is_unreachable(self, unreachable: CacheBackend | None) -> None:
        if unreachable is None:
            pytest.skip("define the fixture 'unreachable' to check this")
        for name, call in self._calls(unreachable).items():
            try:
                call()
            except UnreachableError:
                continue
            except Exception as error:
                pytest.fail(f"{name} raised {type(error).__name__}, not UnreachableError")
            pytest.fail(f"{name} answered without its server")

    def test_it_answers_again_after_an_outage(
        self, unreachable: CacheBackend | None, recover: Callable[[], object] | None
    ) -> None:
        if unreachable is None or recover is None:
            pytest.skip("define the fixtures 'unreachable' and 'recover' to check this")
        lost = unreachable
        with contextlib.suppress(UnreachableError):
            lost.get(KEY)
        recover()

        def works() -> bool:
            with contextlib.suppress(UnreachableError):
                lost.set(KEY, self.value(b"1"), WEEK)
                return bool(lost.get(KEY) == self.value(b"1"))
            return False

        assert self.comes_true(works), "its server is back and it is still away"

    def test_damaged_bytes_are_no_error(
        self, backend: CacheBackend, corrupt: Callable[[str, bytes], object] | None
    ) -> None:
        if corrupt is None:
            pytest.skip("define the fixture 'corrupt' to check this")
        for garbage in GARBAGE:
            backend.set(KEY, self.value(b"1"), WEEK)
            corrupt(KEY, garbage)
            for name, call in self._calls(backend).items():
                with contextlib.suppress(UnreachableError):
                    answer = _answer(name, call)
                    assert name != "get" or answer is None or type(answer) is bytes, f"get answered {type(answer)}"
            backend.set(KEY, self.value(b"2"), WEEK)
            assert backend.get(KEY) == self.value(b"2"), "a damaged entry cannot be replaced"

    def test_closing_twice_is_harmless(self, backend: CacheBackend) -> None:
        backend.set(KEY, self.value(b"1"), WEEK)
        backend.close()
        backend.close()

    def test_closing_one_that_was_never_used_is_harmless(self, backend: CacheBackend) -> None:
        backend.close()

    def test_a_closed_one_answers_or_says_so(self, backend: CacheBackend) -> None:
        backend.set(KEY, self.value(b"1"), WEEK)
        backend.close()
        for name, call in self._calls(backend).items():
            future = in_thread(call)
            try:
                future.result(self.patience)
            except BuswayError:
                continue
            except TimeoutError:
                pytest.fail(f"{name} hangs after close")
            except Exception as error:
                pytest.fail(f"{name} raised {type(error).__name__} after close, which is no error of Busway")

    def test_building_it_connects_to_nothing(self, build: Callable[[], CacheBackend] | None) -> None:
        if build is None:
            pytest.skip("define the fixture 'build' to check this")
        try:
            built = build()
        except UnreachableError:
            pytest.fail("it cannot be built while its server is away: building connects")
        with contextlib.suppress(Exception):  # whether it can be closed is another question
            built.close()

    def _calls(self, backend: CacheBackend) -> Mapping[str, Callable[[], Any]]:
        """What every user of a backend calls, by name."""
        calls: dict[str, Callable[[], Any]] = {
            "get": lambda: backend.get(KEY),
            "delete": lambda: backend.delete(KEY),
            "scan": lambda: list(backend.scan("*")),
            "set": lambda: backend.set(KEY, self.value(b"1"), WEEK),
        }
        offered = cast("object", backend)
        if isinstance(offered, SupportsLocks):
            locks = offered
            calls["acquire_lock"] = lambda: locks.acquire_lock("contract", "token", 0.01)
        if isinstance(offered, SupportsGenerations):
            stamps = offered
            calls["read_generations"] = lambda: stamps.read_generations(["contract"])
            calls["raise_generation"] = lambda: stamps.raise_generation("contract", 1)
        return calls


def _answer(name: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except UnreachableError:
        raise
    except Exception as error:
        pytest.fail(f"{name} raised {type(error).__name__} for damaged bytes")
