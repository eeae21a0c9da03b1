"""The order in which the parts of an application are closed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

__all__ = ["CloseOrder"]

STAGES = ("sources", "state", "events", "data", "coordination", "jobs")
"""Each stands on those before it: what a cache level says while it closes is still an event."""


class CloseOrder:
    """What is to be closed, by the stage it belongs to.

    Parts are built when they are first asked for, so the order of building is not the one they need: an event manager
    that a failing cache level was the first to use would be closed before the levels.
    """

    def __init__(self) -> None:
        self._stages = {stage: ExitStack() for stage in STAGES}

    def add(self, stage: str, close: Callable[[], object]) -> None:
        """``close`` is called when ``stage`` is closed, before what was added to the stage earlier."""
        self._stages[stage].callback(close)

    def close(self) -> None:
        """Closes the last stage first, each though another one raised; once. What was raised goes on at the end."""
        with ExitStack() as order:
            for stage in STAGES:
                order.callback(self._stages[stage].close)
