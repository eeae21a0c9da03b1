"""When a call may be drawn from a quota, as a pure function of the calls in its window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from busway.contracts.coordination import Quota
from busway.errors import UsageError

__all__ = ["Drawn", "check_quota", "wait_ns"]

Drawn = tuple[int, str]
"""When a call was drawn, in nanoseconds, and for which use."""


def check_quota(quota: Quota, count: int) -> None:
    """Raises ``UsageError`` BW3110 for what can never be drawn, or never makes sense."""
    fault = _fault(quota, count)
    if fault:
        raise UsageError(
            "BW3110",
            f"quota {quota.name!r} cannot be drawn from",
            where=f"{quota.calls} calls in {quota.period_seconds:g} s",
            why=fault,
            fix="ask for at least 1 and at most the calls of one period; shares go from 0 to 1, together at most 1",
        )


def wait_ns(drawn: Sequence[Drawn], quota: Quota, use: str, count: int, asking: Collection[str], now_ns: int) -> int:
    """Nanoseconds until ``count`` calls may be drawn for ``use``; 0 = now.

    :param drawn: the calls of the last period, oldest first.
    :param asking: the uses that asked for calls within the last period: only their shares are kept free.
    """
    period_ns = round(quota.period_seconds * 1e9)
    for gone in range(len(drawn) + 1):
        if _fits(drawn[gone:], quota, use, count, asking):
            return max(0, drawn[gone - 1][0] + period_ns - now_ns) if gone else 0
    raise AssertionError("an empty window takes every checked request")


def _fits(drawn: Sequence[Drawn], quota: Quota, use: str, count: int, asking: Collection[str]) -> bool:
    total = len(drawn) + count
    if total > quota.calls:
        return False
    used = Counter(one for _, one in drawn)
    if used[use] + count <= _kept(quota, use):
        return True
    others = sum(max(0, _kept(quota, one) - used[one]) for one in quota.shares if one != use and one in asking)
    # An empty window takes a large request even where shares are kept: it would otherwise wait for ever.
    return total + others <= quota.calls or not drawn


def _kept(quota: Quota, use: str) -> int:
    return int(quota.shares.get(use, 0.0) * quota.calls)


def _fault(quota: Quota, count: int) -> str:
    if quota.calls < 1 or quota.period_seconds <= 0:
        return "a quota has at least one call and a period longer than nothing"
    if not 1 <= count <= quota.calls:
        return f"{count} calls at once are asked for"
    shares = quota.shares.values()
    if any(not 0 <= share <= 1 for share in shares) or sum(shares) > 1 + 1e-9:
        return "its shares are more than the whole"
    return ""
