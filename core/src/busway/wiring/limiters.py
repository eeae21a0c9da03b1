"""The limiters of an application: one for each quota, whoever asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from busway.contracts.clock import Clock
from busway.contracts.coordination import Coordinator, Quota
from busway.contracts.limits import Limiter, Limiters
from busway.data.forks import after_fork
from busway.errors import UsageError
from busway.metrics.registry import Metrics

if TYPE_CHECKING:
    from busway.sync.quota import SharedLimiter

__all__ = ["SharedLimiters", "no_limiter"]


class SharedLimiters:
    """A :data:`busway.contracts.limits.Limiters` over the coordinator of the application.

    :param coordinator: gives it; called by one thread at a time, and not before somebody wants a call.
    """

    def __init__(self, coordinator: Callable[[], Coordinator], clock: Clock, metrics: Metrics) -> None:
        self._coordinator = coordinator
        self._clock = clock
        self._metrics = metrics
        self._made: dict[str, SharedLimiter] = {}
        self._renew()
        after_fork(self._renew)

    def __call__(self, quota: Quota) -> Limiter:
        """The limiter of ``quota``. Raises ``UsageError`` BW3110 for one that makes no sense, or that another plugin
        gave other numbers to: which of them holds would depend on who was first."""
        from busway.sync.quota import SharedLimiter

        with self._making:
            made = self._made.get(quota.name)
            if made is None:
                made = SharedLimiter(quota, self._one_coordinator, self._clock, self._metrics)
                self._made[quota.name] = made
        if made.quota != quota:
            raise _declared_twice(made.quota, quota)
        return made

    def _one_coordinator(self) -> Coordinator:
        # Not the lock above: what builds the coordinator may ask for limiters, in other threads.
        with self._asking:
            return self._coordinator()

    def _renew(self) -> None:
        """In a forked child: another thread may have held them."""
        self._making, self._asking = threading.Lock(), threading.Lock()


def no_limiter(source: str) -> Limiters:
    """For the secret source ``source``: its quotas raise ``UsageError`` BW3110, since the coordinator may need the
    secrets it serves."""

    def refuse(quota: Quota) -> Limiter:
        raise UsageError(
            "BW3110",
            f"quota {quota.name!r} cannot be drawn from",
            where=f"secret source {source}",
            why="a secret source has no limiter: the coordinator behind it may need a secret to be reached",
            fix="keep to the limits of the vault within the process; each secret is asked for once in a while",
        )

    return refuse


def _declared_twice(first: Quota, other: Quota) -> UsageError:
    return UsageError(
        "BW3110",
        f"quota {first.name!r} is declared twice, and differently",
        where=f"once with {_told(first)}, once with {_told(other)}",
        why="it is one account, and all who call it have to agree on what it allows",
        fix="let both plugins take the numbers from the same setting, or name the quotas apart when they are of "
        "different accounts",
    )


def _told(quota: Quota) -> str:
    shares = ", ".join(f"{name} {share:g}" for name, share in quota.shares.items())
    margin = "" if quota.margin_seconds is None else f", margin {quota.margin_seconds:g} s"
    return f"{quota.calls} calls in {quota.period_seconds:g} s" + (f", shares {shares}" if shares else "") + margin
