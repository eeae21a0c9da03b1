"""Turns: when the next call may be made, so that all processes together keep the quota of a remote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from busway.contracts.coordination import Coordinator, Quota
from busway_safetyamp.remote.errors import NotServedError
from busway_safetyamp.remote.patience import Patience

__all__ = ["SHARES", "Pacer", "QuotaPacer", "Share", "Unpaced"]

Share = Literal["run", "console"]
"""What a call is for: a run, or what happens beside one (health checks, commands of people)."""
SHARES: Mapping[str, float] = {"run": 0.95, "console": 0.05}
"""The least part of a quota that each use gets; what one does not ask for is lent to the other.

Reads and writes of a run draw from one share. A share is kept for a whole period after it was asked for, and a run
reads and writes by turns: with 25 % kept for reads and 70 % for writes, a cycle of 127 reads and 12 writes at 60 calls
in 61 s takes 244 s and not 122.
"""
LONGEST_HOLD = 3600.0
"""Seconds: a remote that asks for more, or sends nonsense, must not stop every process for days."""


class Pacer(Protocol):
    """Gives turns. Used by many threads."""

    def wait_for_turn(self, share: Share) -> None:
        """Returns when one more call may be made, and counts it.

        Raises ``NotServedError`` BW5109 when that takes too long, ``StoppedWaitingError`` BW5108 when the run is to
        stop, and ``UnreachableError`` when whoever keeps the quota does not answer: then no call is made.
        """
        ...

    def take_turn(self, share: Share) -> float:
        """0.0 when a call may be made now, which counts it; else the seconds after which to ask again."""
        ...

    def hold(self, seconds: float) -> None:
        """The remote said that it is too much: nobody gets a turn for ``seconds``."""
        ...


class Unpaced:
    """Every call may be made at once: no quota is known, or it was lifted."""

    def wait_for_turn(self, share: Share) -> None:
        """Returns."""

    def take_turn(self, share: Share) -> float:
        """Now."""
        return 0.0

    def hold(self, seconds: float) -> None:
        """Nobody to be held; the call that was refused waits by itself."""


class QuotaPacer:
    """Turns out of a quota that the coordinator keeps for every process of the deployment.

    :param coordinator: gives the coordinator; asked at each turn, because what has none yet connects to nothing.
    :param quota: gives the quota; asked at each turn, because its name follows a key that may be rotated.
    :param budget_seconds: longest wait for one turn.
    """

    def __init__(
        self,
        coordinator: Callable[[], Coordinator],
        quota: Callable[[], Quota],
        patience: Patience,
        *,
        budget_seconds: float,
    ) -> None:
        self._coordinator = coordinator
        self._quota = quota
        self._patience = patience
        self._budget = budget_seconds

    def wait_for_turn(self, share: Share) -> None:
        """See :meth:`Pacer.wait_for_turn`."""
        until = self._patience.now() + self._budget
        while (seconds := self.take_turn(share)) > 0:
            if self._patience.now() + seconds > until:
                raise _no_turn(self._quota(), self._budget, seconds)
            self._patience.wait(seconds)

    def take_turn(self, share: Share) -> float:
        """See :meth:`Pacer.take_turn`."""
        return self._coordinator().take(self._quota(), share=share)

    def hold(self, seconds: float) -> None:
        """See :meth:`Pacer.hold`; an hour at most."""
        self._coordinator().hold(self._quota(), min(seconds, LONGEST_HOLD))


def _no_turn(quota: Quota, budget: float, seconds: float) -> NotServedError:
    return NotServedError(
        "BW5109",
        "there is no turn left for another call",
        where=f"quota {quota.name}, {quota.calls} calls in {quota.period_seconds:g} s",
        why=f"the next turn is {seconds:.0f} s away, and a call waits {budget:g} s at most for its own",
        fix="nothing was sent. See who else uses the same key; then run again: busway explain BW5109",
    )
