"""Limiters: how a client of a remote keeps to what its account allows, together with everybody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from busway.contracts.coordination import Quota

__all__ = ["Limiter", "Limiters", "unlimited"]


class Limiter(Protocol):
    """The calls to one account, shared by every thread and process of a deployment.

    Safe to use from many threads. A client asks before each request it sends, also before a repeated one::

        limiter.wait("writes")
        answer = http.post(...)
        if answer.status_code == 429:
            limiter.back_off(retry_after_seconds(answer.headers.get("Retry-After"), clock.now_ns()) or 5.0)
    """

    def wait(self, share: str = "", count: int = 1) -> float:
        """Draws ``count`` calls, waiting until they may be made; returns the seconds waited.

        :param share: what for, one of the quota's shares: ``writes``, ``reads``, ``console``. Any other may be drawn
            for, too; none of the quota is kept for it.
        :raises StoppedError: BW7006, the run was asked to stop while it waited; nothing was drawn.
        :raises UnreachableError: the coordinator is away, and nobody knows what the others draw.
        :raises UsageError: BW3110, more calls at once than the quota has.
        """
        ...

    def back_off(self, seconds: float) -> None:
        """The remote asked to be left alone for so long: nobody draws from the quota meanwhile, in any process.

        :raises UnreachableError: the coordinator is away, and the others cannot be told.
        """
        ...


Limiters = Callable[[Quota], Limiter]
"""Makes the limiter of a quota; two of one name share it."""


class _Unlimited:
    def wait(self, share: str = "", count: int = 1) -> float:
        return 0.0

    def back_off(self, seconds: float) -> None:
        """Nothing to hold."""


def unlimited(quota: Quota) -> Limiter:
    """Never waits; for tests of a client. The host hands plugins one that keeps to the quota."""
    return _Unlimited()
