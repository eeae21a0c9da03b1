"""The pool of the Redis level: who gets a connection, who waits, who is told that there is none."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from busway.errors import UnreachableError
from busway_cache_redis.pool import Pool


class Line:
    """Stands for a connection."""

    def __init__(self) -> None:
        self.closed = 0

    def disconnect(self) -> None:
        self.closed += 1


def pool_of(limit: int, seconds: float = 10.0) -> tuple[Any, list[Line]]:
    made: list[Line] = []

    def make() -> Line:
        made.append(Line())
        return made[-1]

    return Pool(make, limit, seconds), made  # type: ignore[arg-type]


def test_a_connection_is_used_again_the_last_one_first() -> None:
    pool, made = pool_of(8)
    first, second = pool.take(), pool.take()
    pool.give(first)
    pool.give(second)
    assert pool.take() is second
    assert pool.take() is first
    assert len(made) == 2


def test_when_all_are_in_use_somebody_is_told_so_in_time() -> None:
    pool, made = pool_of(2, 0.05)
    pool.take(), pool.take()
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="BW2034") as caught:
        pool.take()
    assert 0.04 < time.monotonic() - began < 0.5
    assert caught.value.ambiguous is False, "nothing was asked"
    assert "REDIS_MAX_CONNECTIONS" in caught.value.problem.where
    assert len(made) == 2


def test_who_waits_is_woken_by_who_gives_back() -> None:
    pool, _ = pool_of(1)
    line = pool.take()
    taken: list[Any] = []
    waiting = threading.Thread(target=lambda: taken.append(pool.take()))
    waiting.start()
    while not pool._waiting:
        time.sleep(0)
    pool.give(line)
    waiting.join(5)
    assert taken == [line]


def test_no_connection_is_ever_shared_or_lost() -> None:
    pool, made = pool_of(3)
    using: set[int] = set()
    shared: list[int] = []

    def work() -> None:
        for _ in range(300):
            line = pool.take()
            if id(line) in using:
                shared.append(id(line))
            using.add(id(line))
            time.sleep(0)
            using.discard(id(line))
            pool.give(line)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert shared == []
    assert len(made) <= 3
    assert len({id(pool.take()) for _ in made}) == len(made)


def test_a_connection_that_cannot_be_made_is_not_counted() -> None:
    answers: list[Any] = [OSError("no"), Line()]

    def make() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    pool = Pool(make, 1, 0.05)
    with pytest.raises(OSError, match="no"):
        pool.take()
    assert isinstance(pool.take(), Line)


def test_close_closes_those_in_use_when_they_come_back() -> None:
    pool, (idle, used) = pool_of(2)[0], (None, None)
    idle, used = pool.take(), pool.take()
    pool.give(idle)
    pool.close()
    assert (idle.closed, used.closed) == (1, 0)
    pool.give(used)
    assert used.closed == 1
