"""Turns: threads come one by one, in the order in which they asked."""

from __future__ import annotations

import threading

import pytest

from builders.redis_server import comes_true
from busway.sync.turns import Turns


def never() -> None:
    """Goes on waiting."""


def waiting(turns: Turns) -> int:
    return len(turns._line)


def test_threads_come_in_the_order_in_which_they_asked() -> None:
    turns, order = Turns(), list[int]()

    def work(number: int) -> None:
        with turns.turn(never):
            order.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    with turns.turn(never):
        for number, thread in enumerate(threads):
            thread.start()
            assert comes_true(lambda number=number: waiting(turns) == number + 2)  # type: ignore[misc]
    for thread in threads:
        thread.join(10)
    assert order == list(range(20))


def test_one_has_its_turn_at_a_time() -> None:
    turns, inside, most = Turns(), list[int](), list[int]()

    def work() -> None:
        for _ in range(50):
            with turns.turn(never):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (max(most), len(most)) == (1, 400)


def test_whoever_gives_up_leaves_the_line_to_the_others() -> None:
    turns, done = Turns(), threading.Event()

    def give_up() -> None:
        raise InterruptedError

    def behind() -> None:
        with turns.turn(never):
            done.set()

    with turns.turn(never):
        later = threading.Thread(target=behind)
        with pytest.raises(InterruptedError), turns.turn(give_up):
            pytest.fail("it is not its turn")
        later.start()
        assert comes_true(lambda: waiting(turns) == 2)
        assert not done.is_set()
    assert done.wait(10)
    later.join(10)
    assert waiting(turns) == 0


def test_what_is_raised_in_a_turn_ends_it() -> None:
    turns = Turns()
    with pytest.raises(KeyError), turns.turn(never):
        raise KeyError
    with turns.turn(never):
        assert waiting(turns) == 1
