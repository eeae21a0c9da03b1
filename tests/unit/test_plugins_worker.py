"""Foreign code in a thread with a time-out."""

from __future__ import annotations

import sys
import threading

import pytest

from busway.plugins.worker import EscapeError, OverdueError, abandoned_calls, call_with_timeout


def test_returns_what_the_call_returns_from_a_daemon_thread() -> None:
    thread = call_with_timeout(threading.current_thread, 5, label="here")
    assert thread.daemon
    assert thread.name == "here"


def test_raises_what_the_call_raises() -> None:
    def broken() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        call_with_timeout(broken, 5)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_what_would_end_the_process_comes_out_as_an_exception(error: BaseException) -> None:
    def leaving() -> None:
        raise error

    with pytest.raises(EscapeError, match=type(error).__name__) as caught:
        call_with_timeout(leaving, 5)
    assert caught.value.__cause__ is error


def test_sys_exit_in_the_call_is_held_back() -> None:
    with pytest.raises(EscapeError, match=r"SystemExit\(3\)"):
        call_with_timeout(lambda: sys.exit(3), 5)


def test_past_its_time_the_call_is_abandoned_and_counted_while_it_hangs() -> None:
    release, ended = threading.Event(), threading.Event()

    def hanging() -> None:
        release.wait(30)
        ended.set()

    with pytest.raises(OverdueError, match=r"0\.01 s"):
        call_with_timeout(hanging, 0.01, label="hanging-call")
    assert "hanging-call" in abandoned_calls()
    release.set()
    assert ended.wait(5)
    for thread in threading.enumerate():
        if thread.name == "hanging-call":
            thread.join(5)
    assert "hanging-call" not in abandoned_calls()
