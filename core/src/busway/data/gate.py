"""The gate: nothing is written after the manager was closed, however late a load ends."""

from __future__ import annotations

import threading

from busway.data.forks import after_fork

__all__ = ["Gate"]

MOMENT_SECONDS = 1.0
"""Several times what a level may take for a call; a load takes as long as it takes, and is not inside."""


class Gate:
    """Knows who is inside. Entering and leaving take no lock: they are on the path of every read."""

    def __init__(self) -> None:
        self.open = True
        self._reset()
        after_fork(self._reset)

    def enter(self) -> object | None:
        """What to leave with; ``None`` when the gate is closed."""
        visit = object()
        self._inside.add(visit)
        # Only now: whoever closes the gate first says so and then looks who is inside.
        if self.open:
            return visit
        self.leave(visit)
        return None

    def leave(self, visit: object) -> None:
        """Ends the visit."""
        self._inside.discard(visit)
        if not self.open:
            with self._changed:
                self._changed.notify_all()

    def close(self, seconds: float = MOMENT_SECONDS) -> bool:
        """Lets nobody in from now on; False when somebody was still inside after ``seconds``."""
        self.open = False
        with self._changed:
            return self._changed.wait_for(lambda: not self._inside, seconds)

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._inside: set[object] = set()
