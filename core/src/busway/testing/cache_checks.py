"""What the checks of cache backends share: the fixtures a subclass gives, and ways to wait that cannot hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import pytest

from busway.contracts.caches import CacheBackend

__all__ = ["WEEK", "CacheChecks", "Elapse", "in_thread"]

T = TypeVar("T")
Elapse = Callable[[float], None]

WEEK = 7 * 86_400.0


class CacheChecks:
    """The fixtures. Only ``backend`` is needed; a check that wants another one is skipped without it."""

    short = 0.02
    """Seconds; for entries, leases and time-outs whose end a check waits for."""
    patience = 10.0
    """Seconds after which a check takes something for hanging, or for never coming true."""

    def value(self, raw: bytes) -> Any:
        """What is stored for ``raw``. A level in the process, which stores entries, overrides it to make one."""
        return raw

    @pytest.fixture
    def backend(self) -> CacheBackend:
        """Your backend, new and empty for each check."""
        raise NotImplementedError("define a fixture named 'backend' that returns your cache backend")

    @pytest.fixture
    def elapse(self) -> Elapse:
        """Lets so many seconds pass on the backend's clock. Override it when the clock is handed in."""
        return lambda seconds: time.sleep(seconds)

    @pytest.fixture
    def other(self, backend: CacheBackend) -> CacheBackend:
        """Optional: another instance over the same server or folder, as a second process would have it."""
        return backend

    @pytest.fixture
    def build(self) -> Callable[[], CacheBackend] | None:
        """Optional: builds your backend while what it connects to is away."""
        return None

    @pytest.fixture
    def unreachable(self) -> CacheBackend | None:
        """Optional: your backend with its server away, or its folder unusable."""
        return None

    @pytest.fixture
    def recover(self) -> Callable[[], object] | None:
        """Optional: brings back what ``unreachable`` lacks."""
        return None

    @pytest.fixture
    def corrupt(self) -> Callable[[str, bytes], object] | None:
        """Optional: puts bytes in the place where a key is stored, past the backend."""
        return None

    def comes_true(self, condition: Callable[[], bool]) -> bool:
        """Asks until it is so; each question is a call of the backend, so there is nothing to sleep for."""
        deadline = time.monotonic() + self.patience
        while not condition():
            if time.monotonic() > deadline:
                return False
        return True

    def outcome(self, elapse: Elapse, call: Callable[[], T]) -> T:
        """What ``call``, which waits for something, returns as time passes. Fails when it does not return."""
        future = in_thread(call)
        deadline = time.monotonic() + self.patience
        while not future.done() and time.monotonic() < deadline:
            elapse(self.short)
            threading.Event().wait(0 if future.done() else 0.002)  # lets the other thread run
        if not future.done():
            pytest.fail("it waits for ever")
        return future.result()


def in_thread(call: Callable[[], T]) -> Future[T]:
    """Runs ``call`` in a thread that does not keep the process alive."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
