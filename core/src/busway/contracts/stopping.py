"""The wish to stop, as code far below a run can see it: a client that waits for a quota must not wait it out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from busway.contracts.runs import Stop

__all__ = ["stop_requested", "stoppable"]

_current: ContextVar[Stop | None] = ContextVar("busway_stop", default=None)


def stop_requested() -> bool:
    """True once the run that this thread works for was asked to stop; False outside of a run."""
    stop = _current.get()
    return stop is not None and stop.requested()


@contextmanager
def stoppable(stop: Stop) -> Iterator[None]:
    """For the block, ``stop`` is what :func:`stop_requested` asks in this thread."""
    token = _current.set(stop)
    try:
        yield
    finally:
        _current.reset(token)
