"""Transitions of secret sources: from answering to degraded, and back."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from busway.errors import Problem

__all__ = ["SourceTransition", "Transitions"]

_log = logging.getLogger("busway.configuration")


@dataclass(frozen=True, slots=True)
class SourceTransition:
    """A secret source stopped answering, or answers again."""

    source: str
    """Its name in configuration."""
    state: Literal["degraded", "recovered"]
    problem: Problem | None = None
    """Why it is degraded; ``None`` when it recovered."""


class Transitions:
    """Tells each transition once to everybody who watches. Safe to use from many threads.

    They are collected where they happen and told by :meth:`deliver`, when no question to a source is open: who
    receives one may read a secret, and would wait for itself otherwise.
    """

    def __init__(self) -> None:
        self._pending: deque[SourceTransition] = deque()
        self._degraded: dict[str, SourceTransition] = {}
        self._receivers: list[Callable[[SourceTransition], None]] = []
        self._delivering = Lock()

    def add(self, transition: SourceTransition) -> None:
        """Notes a transition for the next :meth:`deliver`."""
        self._pending.append(transition)

    def watch(self, receive: Callable[[SourceTransition], None]) -> None:
        """Calls ``receive`` with what is degraded already, and with each later transition."""
        self.deliver()
        for transition in tuple(self._degraded.values()):
            _tell(receive, transition)
        self._receivers.append(receive)

    def deliver(self) -> None:
        """Tells what happened since the last time, in order; costs nothing when nothing did."""
        while self._pending:
            # Whoever delivers takes along what others add meanwhile; waiting for it could be waiting for oneself.
            if not self._delivering.acquire(blocking=False):
                return
            try:
                while self._pending:
                    self._tell_all(self._pending.popleft())
            finally:
                self._delivering.release()

    def _tell_all(self, transition: SourceTransition) -> None:
        if transition.state == "degraded":
            self._degraded[transition.source] = transition
        else:
            self._degraded.pop(transition.source, None)
        for receive in tuple(self._receivers):
            _tell(receive, transition)


def _tell(receive: Callable[[SourceTransition], None], transition: SourceTransition) -> None:
    try:
        receive(transition)
    except Exception as error:
        # A secret was asked for, not a report: its reader must not fail because a receiver does.
        _log.warning("%s of source %s could not be told: %s", transition.state, transition.source, type(error).__name__)
