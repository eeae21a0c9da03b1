"""Turns: the next call of a quota, which all processes keep to together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from busway.contracts.coordination import Quota
from busway.contracts.limits import Limiter, Limiters, unlimited

__all__ = ["SHARES", "Share", "Turns"]

Share = Literal["run", "console"]
"""What a call is for: a run, or what happens beside one (health checks, commands of people)."""
SHARES: Mapping[str, float] = {"run": 0.95, "console": 0.05}
"""The least part of a quota that each use gets; what one does not ask for is lent to the other.

Reads and writes of a run draw from one share. A share is kept for a whole period after it was asked for, and a run
reads and writes by turns: with 25 % kept for reads and 70 % for writes, a cycle of 127 reads and 12 writes at 60 calls
in 61 s takes 244 s and not 122.
"""


class Turns:
    """The turns of one account.

    :param limiters: makes the limiter of a quota, as the host hands it over.
    :param quota: gives the quota; asked at each turn, because its name follows a key that may be rotated. ``None`` when
        there is no limit that would have to be kept.
    """

    def __init__(self, limiters: Limiters, quota: Callable[[], Quota] | None) -> None:
        self._limiters = limiters
        self._quota = quota

    def wait(self, share: Share) -> None:
        """Returns when one more call may be made, and counts it.

        Raises ``StoppedError`` (BW7006) when the run is asked to stop meanwhile, and ``UnreachableError`` when whoever
        keeps the quota does not answer: then no call is made.
        """
        self._limiter().wait(share)

    def back_off(self, seconds: float) -> None:
        """The remote said that it is too much: nobody gets a turn for ``seconds``."""
        self._limiter().back_off(seconds)

    def _limiter(self) -> Limiter:
        return _FREE if self._quota is None else self._limiters(self._quota())


_FREE = unlimited(Quota("no limit", 1, 1.0))
