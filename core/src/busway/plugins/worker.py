"""Runs foreign code in a thread of its own, with a time-out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["EscapeError", "OverdueError", "abandoned_calls", "call_with_timeout"]

T = TypeVar("T")

_abandoned: list[threading.Thread] = []


class OverdueError(Exception):
    """The call did not end in time; its thread is left alone and must not be given further work."""


class EscapeError(Exception):
    """The call raised `SystemExit`, `KeyboardInterrupt` or the like, which must not reach the application.

    The original is the `__cause__`. A real Ctrl-C is not meant: it is raised in the main thread, which waits.
    """


class _Call(Generic[T]):
    """One call on its way through the worker."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._result: list[T] = []
        self._error: BaseException | None = None
        self.done = threading.Event()

    def run(self) -> None:
        try:
            self._result.append(self._call())
        except BaseException as error:  # everything is handed to the caller; nothing may end in the thread
            self._error = error
        finally:
            self.done.set()

    def outcome(self) -> T:
        if self._error is None:
            return self._result[0]
        if isinstance(self._error, Exception):
            raise self._error
        raise EscapeError(f"{type(self._error).__name__}({self._error})") from self._error


def call_with_timeout(call: Callable[[], T], seconds: float, *, label: str = "busway-worker") -> T:
    """Return what `call` returns, or raise what it raises.

    :param call: foreign code; it runs in a daemon thread, so a process can end while it still hangs.
    :param seconds: how long to wait for it.
    :param label: name of the thread, seen in stack dumps and by `abandoned_calls`.

    Raises `OverdueError` when it takes longer, and `EscapeError` for what is no `Exception`.
    A thread cannot be killed in Python: past its time it is abandoned, counted, and its result dropped.
    """
    work = _Call(call)
    thread = threading.Thread(target=work.run, name=label, daemon=True)
    thread.start()
    if not work.done.wait(seconds):
        _abandoned.append(thread)
        raise OverdueError(f"no answer within {seconds:g} s")
    return work.outcome()


def abandoned_calls() -> list[str]:
    """Labels of the calls that were given up and still hang."""
    return [thread.name for thread in _abandoned if thread.is_alive()]
