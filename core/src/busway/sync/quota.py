"""The limiter of one account: its calls are shared by every thread and process through the coordinator."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from busway.contracts.clock import Clock
from busway.contracts.coordination import Coordinator, Quota
from busway.contracts.stopping import stop_requested
from busway.data.forks import after_fork
from busway.errors import StoppedError, UnreachableError
from busway.metrics.registry import Counter, Histogram, Metrics
from busway.stores.quota_window import check_quota
from busway.sync.turns import LOOK_UP_SECONDS, Turns

__all__ = ["LONGEST_HOLD_SECONDS", "SharedLimiter", "with_margin"]

T = TypeVar("T")

MARGIN_PART, MARGIN_MOST_SECONDS = 0.035, 1.0
LONGEST_HOLD_SECONDS = 3600.0
"""No remote keeps us away for longer without being asked again: a header with a slip in it would stop a deployment for
years. A quota with a longer period may be held for one."""
NANOSECOND = 1e-9
"""Clocks tell no less, and what floats leave over of a wait is less."""
ASK_AGAIN_PART, ASK_AGAIN_MOST_SECONDS = 0.1, 5.0
STAGGER_PART, STAGGER_MOST_SECONDS = 0.25, 0.05


def with_margin(quota: Quota) -> Quota:
    """What is drawn from so that ``quota`` holds where the calls arrive: its period, longer by its margin.

    We count a call when it is drawn, the remote when it arrives, and connecting, sending and queueing take one call
    longer than another. If that differs by at most ``m``, what arrives within a period ``P`` was drawn within
    ``P + m``; so calls are drawn from a window of ``P + m``, and no window of ``P`` at the remote holds more of them
    than the quota has. That is enough for a remote whose window slides, for one that begins anew at fixed times,
    wherever they lie, and for a bucket of ``calls`` that fills in ``P``. It costs ``m / (P + m)`` of the quota: 1.6 %
    of 60 calls a minute. Spacing calls evenly would be the alternative. It does not help by itself, since an even
    stream has as many calls in ``P + m``, and it delays those who have few calls to make.

    Two things it does not cover: a process that stands still for longer than ``m`` between drawing and sending, and a
    remote that guesses at its window from the sum of the one before. Both may answer 429; then
    :meth:`SharedLimiter.back_off` keeps everybody away.
    """
    margin = quota.margin_seconds
    if margin is None:
        margin = min(quota.period_seconds * MARGIN_PART, MARGIN_MOST_SECONDS)
    return replace(quota, period_seconds=quota.period_seconds + margin, margin_seconds=0.0)


class SharedLimiter:
    """A :class:`busway.contracts.limits.Limiter` that draws from the quota through a coordinator.

    The threads of a process come in turn, each share in a line of its own, so that no share waits behind another; of
    each line only the first asks. Processes are not put in order: each waits until the calls it wants can be free, and
    asks again. While others are quicker, they ask at slightly different moments instead of all at once; who is alone
    asks at the very moment. Calls belong to nobody before they are drawn: a process that dies or stands still while it
    waits costs the others nothing.

    :param coordinator: gives it at the first call; nothing is connected to before.
    :param clock: waits are cut into slices of its ``sleep``, so that the wish to stop is noticed within 0.25 s.
    :param chance: a number from 0 to 1, for the moments processes ask at.
    :raises UsageError: BW3110, a quota that makes no sense.
    """

    def __init__(
        self,
        quota: Quota,
        coordinator: Callable[[], Coordinator],
        clock: Clock,
        metrics: Metrics,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        check_quota(quota, 1)
        self.quota = quota
        self._window = with_margin(quota)
        self._coordinator = coordinator
        self._clock = clock
        self._metrics = metrics
        self._chance = chance
        self._pace = _pace(self._window)
        self._rivals_until = -math.inf
        self._back_offs = metrics.counter(
            "busway_quota_backoffs_total", "Times the remote asked to be left alone", quota=quota.name
        )
        self._renew()
        after_fork(self._renew)

    def wait(self, share: str = "", count: int = 1) -> float:
        """Draws ``count`` calls for ``share`` as soon as they may be made; returns the seconds waited.

        :raises StoppedError: BW7006, asked to stop while it waited; nothing was drawn. Whoever need not wait goes on.
        :raises UnreachableError: the coordinator is away, and nobody knows what the others draw. It is ambiguous:
            this call was not sent, but nobody here knows what its caller sent before.
        :raises UsageError: BW3110, more calls at once than the quota has.
        """
        check_quota(self._window, count)
        began = self._clock.monotonic()
        line = self._line(share)
        with line.turns.turn(lambda: self._heed_stop(share)):
            self._draw(share, count)
        waited = self._clock.monotonic() - began
        line.drawn.add(count)
        line.waits.observe(waited)
        return waited

    def back_off(self, seconds: float) -> None:
        """Nobody draws for ``seconds``, in any process; for an hour, or one period, at most.

        :raises UnreachableError: the coordinator is away, and the others cannot be told.
        """
        self._back_offs.add()
        longest = max(LONGEST_HOLD_SECONDS, self._window.period_seconds)
        if seconds > 0:
            self._ask(lambda coordinator: coordinator.hold(self._window, min(seconds, longest)))

    def _draw(self, share: str, count: int) -> None:
        free_at = math.inf
        while (wait := self._ask(lambda coordinator: coordinator.take(self._window, count, share))) > 0:
            now = self._clock.monotonic()
            if now >= free_at:  # and they are not: somebody else was quicker
                self._rivals_until = now + self._window.period_seconds
            free_at = now + wait
            self._rest(min(wait + self._stagger(now), self._pace.ask_again), share)

    def _stagger(self, now: float) -> float:
        """Seconds to ask later than the calls are free: none unless others ask, too, and use them meanwhile."""
        return self._chance() * self._pace.stagger if now < self._rivals_until else 0.0

    def _rest(self, seconds: float, share: str) -> None:
        ends = self._clock.monotonic() + seconds
        self._heed_stop(share)
        while (left := ends - self._clock.monotonic()) > NANOSECOND:
            self._clock.sleep(min(left, LOOK_UP_SECONDS))
            self._heed_stop(share)

    def _heed_stop(self, share: str) -> None:
        if stop_requested():
            raise StoppedError(
                "BW7006",
                f"stopped while waiting for quota {self.quota.name}",
                where=f"quota {self.quota.name}" + (f", share {share}" if share else ""),
                why="no call was free yet, and the run was asked to stop; the call was not sent",
                fix="busway run",
            )

    def _ask(self, question: Callable[[Coordinator], T]) -> T:
        try:
            return question(self._coordinator())
        except UnreachableError as error:
            # A create may be waiting for the look-up after a lost answer; "nothing was carried out", which is what the
            # coordinator can say of its own question, would have the engine send it twice.
            error.ambiguous = True
            raise

    def _line(self, share: str) -> _Line:
        line = self._lines.get(share)
        return line if line is not None else self._lines.setdefault(share, self._new_line(share))

    def _new_line(self, share: str) -> _Line:
        labels = {"quota": self.quota.name, "share": share}
        return _Line(
            self._metrics.counter("busway_quota_calls_total", "Calls drawn from a quota", **labels),
            self._metrics.histogram("busway_quota_wait_seconds", "Waits for calls of a quota", **labels),
        )

    def _renew(self) -> None:
        """In a forked child the threads that had their turn are gone."""
        self._lines: dict[str, _Line] = {}


@dataclass(frozen=True, slots=True)
class _Line:
    """The threads of this process that want calls for one share."""

    drawn: Counter
    waits: Histogram
    turns: Turns = field(default_factory=Turns)


@dataclass(frozen=True, slots=True)
class _Pace:
    """When a limiter asks, in seconds."""

    ask_again: float
    """The longest wait before the coordinator is asked again: a share may be lent out meanwhile, or the coordinator be
    gone; and whoever does not ask within a period has no share kept."""
    stagger: float
    """By how much several processes ask apart."""


def _pace(quota: Quota) -> _Pace:
    often = min(quota.period_seconds * ASK_AGAIN_PART, ASK_AGAIN_MOST_SECONDS)
    apart = min(quota.period_seconds / quota.calls * STAGGER_PART, STAGGER_MOST_SECONDS)
    return _Pace(max(often, LOOK_UP_SECONDS), apart)
