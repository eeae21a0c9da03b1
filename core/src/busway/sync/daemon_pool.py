"""A few threads that do not keep the process from ending."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from types import TracebackType
from typing import Any, Generic, TypeVar

__all__ = ["DaemonPool"]

R = TypeVar("R")


class DaemonPool(Generic[R]):
    """Up to ``size`` threads; each piece of work runs in the context of who submitted it.

    Not ``ThreadPoolExecutor``: the interpreter waits for its threads when it ends, so somebody who asked twice to stop
    would wait for a remote that does not answer.
    """

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._threads: list[threading.Thread] = []
        self._work: queue.SimpleQueue[tuple[Future[R], Callable[[], R]] | None] = queue.SimpleQueue()

    def submit(self, work: Callable[..., R], *arguments: Any) -> Future[R]:
        """Lets a thread do ``work``."""
        future: Future[R] = Future()
        context = copy_context()
        self._work.put((future, lambda: context.run(work, *arguments)))
        if len(self._threads) < self._size:
            thread = threading.Thread(target=self._run, name=f"{self._name}-{len(self._threads) + 1}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def __enter__(self) -> DaemonPool[R]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets the threads go when they have done what was submitted; waits for them unless something was raised."""
        for _ in self._threads:
            self._work.put(None)
        if error is None:
            for thread in self._threads:
                thread.join()

    def _run(self) -> None:
        while (task := self._work.get()) is not None:
            future, work = task
            try:
                result = work()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
