"""What can be made to go wrong in a stand-in: from a test, from the command line, and while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random

from busway.errors import UsageError
from busway_safetyamp.sandbox.fault import Fault, FaultKind, nearest
from busway_safetyamp.sandbox.wire import Answer, Ending

__all__ = ["Faults", "Place"]

_HTML = b"<!doctype html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
_SHAPELESS = b'{"ok":true}'
_INSTEAD = (FaultKind.HTML, FaultKind.HANG, FaultKind.DROP, FaultKind.THROTTLE, FaultKind.FAIL)
_AFTER_A_WRITE = (FaultKind.RESET, FaultKind.FAIL_AFTER_COMMIT)
_AFTER = (FaultKind.SHAPELESS, FaultKind.TRUNCATE, FaultKind.SLOW)
_ROWS = (FaultKind.EMPTY, FaultKind.SHORTEN, FaultKind.REPEAT, FaultKind.SHUFFLE)

ErrorAnswer = Callable[[int, str], Answer]
"""Makes an error in the words of the remote."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a request is about."""

    resource: str
    page: int = 0
    """Number of the page that is asked for, from 0."""
    writes: bool = False


class Faults:
    """Switches. Thread-safe; arming one and clearing all take effect at the next request.

    Where several are meant, the one that was armed first strikes.

    :param resources: those the stand-in has; empty where any may be named.
    """

    def __init__(self, resources: Collection[str] = ()) -> None:
        self.resources = resources
        """Names of them, in their order; empty where any may be named."""
        self._lock = threading.Lock()
        self._armed: list[Fault] = []
        self._orders = 0

    def arm(self, fault: Fault) -> None:
        """Makes ``fault`` strike from now on. Raises ``UsageError`` BW8009 where it never could."""
        if fault.resource and self.resources and fault.resource not in self.resources:
            raise _nowhere(fault.resource, self.resources)
        with self._lock:
            self._armed.append(replace(fault))

    def fail_page(self, resource: str, page: int, *, status: int = 500, times: int | None = None) -> None:
        """Page ``page`` (from 0) of ``resource`` is answered with ``status``."""
        self.arm(Fault(FaultKind.FAIL, resource, page, times=times, status=status))

    def truncate_page(self, resource: str, page: int, *, times: int | None = None) -> None:
        """Page ``page`` of ``resource`` breaks off in the middle and the connection ends."""
        self.arm(Fault(FaultKind.TRUNCATE, resource, page, times=times))

    def answer_html(self, *, times: int | None = None) -> None:
        """Every call is answered 200 with a page of HTML, as a sign-in portal in the way does."""
        self.arm(Fault(FaultKind.HTML, times=times))

    def refuse_after(self, calls: int) -> None:
        """``calls`` more calls are served, then every one is answered 401."""
        self.arm(Fault(FaultKind.FAIL, after=calls, status=401))

    def reset_after_commit(self, *, times: int = 1) -> None:
        """The next write is committed, and the connection is reset instead of an answer."""
        self.arm(Fault(FaultKind.RESET, times=times))

    def clear(self) -> None:
        """All is well again."""
        with self._lock:
            self._armed = []

    @property
    def armed(self) -> tuple[Fault, ...]:
        """Those that may still strike."""
        with self._lock:
            return tuple(replace(fault) for fault in self._armed if fault.times != 0)

    def instead(self, place: Place, error: ErrorAnswer) -> Answer | None:
        """The answer a fault gives in place of the remote's, or None. Nothing is committed then."""
        fault = self._strikes(_INSTEAD, place)
        if fault is None:
            return None
        if fault.kind is FaultKind.HTML:
            return Answer(200, _HTML, content_type="text/html; charset=utf-8")
        if fault.kind is FaultKind.THROTTLE:
            headers = (("Retry-After", fault.retry_after),) if fault.retry_after else ()
            return replace(error(429, "Too Many Attempts."), headers=headers)
        if fault.kind is FaultKind.FAIL:
            return error(fault.status, "Unauthenticated." if fault.status == 401 else "Server Error")
        return replace(error(500, ""), ending=Ending.HANG if fault.kind is FaultKind.HANG else Ending.RESET)

    def rows(self, place: Place, size: int, count: int, read: Callable[[int, int], list[bytes]]) -> list[bytes]:
        """The rows of a page as faults leave them; ``read(first, limit)`` gives those of the remote.

        :param count: how many rows there are altogether.
        """
        fault = self._strikes(_ROWS, place)
        first = place.page * size
        if fault is None:
            return read(first, size)
        if fault.kind is FaultKind.SHUFFLE:
            return self._shuffled(read(0, count))[first : first + size]
        if fault.kind is FaultKind.REPEAT:
            return read(max(0, first - size), size)
        return [] if fault.kind is FaultKind.EMPTY else read(first, size)[: -max(1, size // 3)]

    def heard(self, place: Place, fields: Iterable[str]) -> list[str]:
        """The fields of a body that are taken notice of."""
        fault = self._strikes((FaultKind.IGNORE,), place)
        return [name for name in fields if fault is None or name != fault.field]

    def afterwards(self, place: Place, answer: Answer, error: ErrorAnswer) -> Answer:
        """The remote's good answer as faults leave it."""
        if answer.status >= 300:
            return answer
        fault = self._strikes((*_AFTER_A_WRITE, *_AFTER) if place.writes else _AFTER, place)
        if fault is None:
            return answer
        if fault.kind is FaultKind.FAIL_AFTER_COMMIT:
            return error(fault.status, "Server Error")
        if fault.kind is FaultKind.SHAPELESS:
            return replace(answer, body=_SHAPELESS)
        if fault.kind is FaultKind.SLOW:
            return replace(answer, pace=fault.seconds)
        return replace(answer, ending=Ending.RESET if fault.kind is FaultKind.RESET else Ending.CUT)

    def _shuffled(self, rows: list[bytes]) -> list[bytes]:
        with self._lock:
            self._orders += 1
            order = self._orders
        Random(order).shuffle(rows)  # noqa: S311 - repeatable, not unguessable
        return rows

    def _strikes(self, kinds: Sequence[FaultKind], place: Place) -> Fault | None:
        if not self._armed:
            return None
        with self._lock:
            return next((fault for fault in self._armed if fault.kind in kinds and fault.meets(place)), None)


def _nowhere(resource: str, resources: Collection[str]) -> UsageError:
    return UsageError(
        "BW8009",
        f"this stand-in has no resource {resource!r}",
        where="the fault asked for",
        why=f"it has {', '.join(resources)}; the others are armed with --of",
        fix=nearest(resource, resources),
    )
