"""Runs foreign code in a thread of its own, with a time-out, and knows the threads that were given up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = [
    "EscapeError",
    "OverdueError",
    "abandon",
    "abandoned_calls",
    "abandoned_count",
    "call_with_timeout",
    "raised_type",
]

T = TypeVar("T")

_abandoned: list[tuple[threading.Thread, str]] = []


class OverdueError(Exception):
    """The call did not end in time; its thread is left alone and must not be given further work."""


class EscapeError(Exception):
    """The call raised `SystemExit`, `KeyboardInterrupt` or the like, which must not reach the application.

    The original is the `__cause__`. A real Ctrl-C is not meant: it is raised in the main thread, which waits.
    """

    @classmethod
    def of(cls, error: BaseException) -> EscapeError:
        """The exception to raise in place of `error`; raise it `from error`."""
        return cls(f"{type(error).__name__}({error})")


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
        raise EscapeError.of(self._error) from self._error


def call_with_timeout(call: Callable[[], T], seconds: float, *, label: str = "busway-worker") -> T:
    """Return what `call` returns, or raise what it raises.

    :param call: foreign code; it runs in a daemon thread, so a process can end while it still hangs.
    :param seconds: how long to wait for it.
    :param label: name of the thread, seen in stack dumps and by `abandoned_calls`.

    Raises `OverdueError` when it takes longer, and `EscapeError` for what is no `Exception`.
    A thread cannot be killed in Python: past its time it is abandoned, counted, and its result dropped.
    Where no thread can be had, as at the very end of a process since Python 3.12, the caller's makes the call itself.
    """
    work = _Call(call)
    thread = threading.Thread(target=work.run, name=label, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        work.run()
        return work.outcome()
    if not work.done.wait(seconds):
        abandon(thread, label)
        raise OverdueError(f"no answer within {seconds:g} s")
    return work.outcome()


def raised_type(error: BaseException) -> str:
    """The name of the exception's type; for what a worker held back, of the original."""
    if isinstance(error, EscapeError) and error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__


def abandon(thread: threading.Thread, label: str) -> None:
    """Counts `thread` as given up. It must be a daemon, and whatever it still brings must be dropped.

    :param label: of the call it is in, for `abandoned_calls`.
    """
    _abandoned.append((thread, label))


def abandoned_count() -> int:
    """Calls given up since the process began, whether they still hang or not."""
    return len(_abandoned)


def abandoned_calls(since: int = 0) -> list[str]:
    """Labels of the calls that were given up and still hang.

    :param since: leaves out the first so many that were given up: an earlier `abandoned_count()`.
    """
    return [label for thread, label in _abandoned[since:] if thread.is_alive()]
