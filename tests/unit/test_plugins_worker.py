"""Foreign code in a thread with a time-out."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import Any

import pytest

from busway.plugins import patrol as patrol_module
from busway.plugins.call_monitor import AbandonedCall, CallMonitor, WatchedCall
from busway.plugins.patrol import Patrol
from busway.plugins.worker import (
    EscapeError,
    OverdueError,
    abandoned_calls,
    abandoned_count,
    call_with_timeout,
    raised_type,
)


def test_returns_what_the_call_returns_from_a_daemon_thread() -> None:
    thread = call_with_timeout(threading.current_thread, 5, label="here")
    assert thread.daemon
    assert thread.name == "here"


def test_where_no_thread_can_be_had_the_caller_makes_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the very end of a process, since Python 3.12: sinks are closed all the same."""

    def no_more(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", no_more)
    assert call_with_timeout(threading.current_thread, 5) is threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        call_with_timeout(lambda: 1 / 0, 5)


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


def test_calls_that_were_given_up_earlier_can_be_left_out() -> None:
    release = threading.Event()
    with pytest.raises(OverdueError):
        call_with_timeout(lambda: release.wait(30), 0.01, label="the-first")
    before = abandoned_count()
    with pytest.raises(OverdueError):
        call_with_timeout(lambda: release.wait(30), 0.01, label="the-second")
    assert abandoned_calls(before) == ["the-second"]
    assert abandoned_count() == before + 1
    release.set()


def test_the_type_that_is_told_is_the_one_that_was_raised() -> None:
    assert raised_type(KeyError("x")) == "KeyError"
    with pytest.raises(EscapeError) as caught:
        call_with_timeout(lambda: sys.exit(3), 5)
    assert raised_type(caught.value) == "SystemExit"


# -- calls that a thread makes itself


class Hanging:
    """A thread in a watched call until it is let go."""

    def __init__(self) -> None:
        self.call = WatchedCall("deliver() of sinks.x")
        self.entered, self.release = threading.Event(), threading.Event()
        self.came_back: list[str] = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self.entered.wait(5)

    def _run(self) -> None:
        try:
            with self.call:
                self.entered.set()
                self.release.wait(30)
            self.came_back.append("in time")
        except AbandonedCall:
            self.came_back.append("abandoned")

    def end(self) -> str:
        self.release.set()
        self.thread.join(5)
        return self.came_back[0]


def test_a_call_that_ends_in_time_is_left_alone() -> None:
    hanging = Hanging()
    assert hanging.call.since is not None
    assert hanging.end() == "in time"
    assert not hanging.call.abandoned
    assert not hanging.call.give_up()


def test_a_call_that_was_given_up_cannot_come_back_and_there_is_no_other() -> None:
    hanging, before = Hanging(), abandoned_count()
    assert hanging.call.give_up()
    assert not hanging.call.give_up(), "once"
    assert abandoned_calls(before) == ["deliver() of sinks.x"]
    assert hanging.end() == "abandoned"
    entered = False
    with contextlib.suppress(AbandonedCall), hanging.call:
        entered = True
    assert not entered
    assert abandoned_calls(before) == []


def test_what_a_call_raises_is_lost_once_it_was_given_up() -> None:
    call = WatchedCall("x")

    def give_up_and_fail() -> None:
        with call:
            assert call.give_up()
            raise ConnectionError("too late")

    with pytest.raises(AbandonedCall):
        give_up_and_fail()
    with pytest.raises(ConnectionError), WatchedCall("y"):
        raise ConnectionError("in time")


def test_of_the_return_and_the_monitor_exactly_one_wins() -> None:
    """Thousands of calls that end just when they are given up: never both, never neither."""
    for _ in range(2_000):
        call, verdicts = WatchedCall("x"), []
        with contextlib.suppress(AbandonedCall), call:
            other = threading.Thread(target=lambda: verdicts.append(call.give_up()))  # noqa: B023 - joined below
            other.start()
        other.join()
        assert verdicts == [call.abandoned]


def test_a_monitor_wakes_when_a_call_can_be_overdue_and_not_before() -> None:
    now = [100.0]
    overdue: list[int] = []
    calls = [WatchedCall("a"), WatchedCall("b")]
    monitor = CallMonitor(calls, 30, overdue.append, name="test-monitor", monotonic=lambda: now[0])
    assert monitor.check() == 30, "what begins after this look cannot be overdue before its 30 seconds are over"
    calls[0].since, calls[1].since = 90.0, 75.0
    assert monitor.check() == pytest.approx(5)
    now[0] = 105.0
    monitor.check()
    assert overdue == [1]
    calls[1].since = None
    assert monitor.check() == pytest.approx(15)


def test_a_monitor_gives_up_what_hangs_and_then_retires() -> None:
    hanging, done = Hanging(), threading.Event()

    def on_overdue(position: int) -> None:
        assert hanging.call.give_up()
        done.set()

    monitor = CallMonitor([hanging.call], 0.01, on_overdue, name="test-monitor")
    monitor.start()
    monitor.retire()
    assert done.wait(5), "retired, it still gives up what is in hand"
    for thread in threading.enumerate():
        if thread.name == "test-monitor":
            thread.join(5)
            assert not thread.is_alive()
    assert hanging.end() == "abandoned"


def test_a_patrol_survives_what_its_look_raises(caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    monkeypatch.setattr(patrol_module, "PAUSED_SECONDS", 0.001)
    looks: list[int] = []
    seen = threading.Event()

    def look() -> float:
        looks.append(1)
        if len(looks) == 1:
            raise ValueError("secret text")
        seen.set()
        return 30.0

    patrol = Patrol(look, "test-patrol")
    patrol.start()
    assert seen.wait(5)
    patrol.stop()
    assert "test-patrol failed (ValueError)" in caplog.text
    assert "secret text" not in caplog.text


def test_a_process_that_was_stopped_is_given_one_more_round(monkeypatch: Any) -> None:
    """After a stop (Ctrl-Z, a frozen machine) everything looks overdue and had no time to work."""
    looks: list[float] = []

    def look() -> float:
        looks.append(7.0)
        return 7.0

    patrol = Patrol(look, "test-patrol")
    slept: list[float] = []

    def wait(seconds: float) -> bool:
        slept.append(seconds)
        patrol._overslept = len(slept) <= 2
        return len(slept) == 4

    monkeypatch.setattr(patrol, "_slept", wait)
    patrol._run()
    assert slept == [7.0] * 4
    assert len(looks) == 1 + 2, "the second sleep too long in a row is looked at: a slow machine must not hide a stall"
