"""Several writes under way at once, a bounded number of them, and one thread that accounts for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Generic, TypeVar

from busway.sync.daemon_pool import DaemonPool

__all__ = ["Crew"]

T = TypeVar("T")
R = TypeVar("R")


class Crew(Generic[T, R]):
    """Works through items with up to ``size`` threads; with one worker there is no thread at all.

    Who wants to end early lets the items end, and takes the results of what is under way: a write that was sent has to
    be accounted for.

    :param work: called with one item; must not raise.
    """

    def __init__(self, size: int, work: Callable[[T], R]) -> None:
        self._size = size
        self._work = work

    def results(self, items: Iterator[T]) -> Iterator[tuple[T, R]]:
        """Each item with its result, as they are done. An item is taken from ``items`` only when it can be begun."""
        if self._size <= 1:
            for item in items:
                yield item, self._work(item)
            return
        with DaemonPool[R](self._size, "busway-write") as pool:
            yield from self._pooled(pool, items)

    def _pooled(self, pool: DaemonPool[R], items: Iterator[T]) -> Iterator[tuple[T, R]]:
        under_way: dict[Future[R], T] = {}
        while True:
            while len(under_way) < self._size and (item := next(items, None)) is not None:
                under_way[pool.submit(self._work, item)] = item
            if not under_way:
                return
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                yield under_way.pop(future), future.result()
