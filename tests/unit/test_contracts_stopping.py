"""The wish to stop, far below a run."""

from __future__ import annotations

import threading

from busway.contracts.stopping import stop_requested, stoppable


class Wish:
    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted

    def requested(self) -> bool:
        return self.wanted


def test_outside_of_a_run_nobody_asked() -> None:
    assert not stop_requested()


def test_within_a_run_its_stop_is_asked_each_time() -> None:
    wish = Wish(wanted=False)
    with stoppable(wish):
        assert not stop_requested()
        wish.wanted = True
        assert stop_requested()
    assert not stop_requested()


def test_another_thread_has_its_own() -> None:
    seen: list[bool] = []
    with stoppable(Wish(wanted=True)):
        thread = threading.Thread(target=lambda: seen.append(stop_requested()))
        thread.start()
        thread.join(5)
    assert seen == [False]
