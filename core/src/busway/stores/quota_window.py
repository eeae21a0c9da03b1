"""When a call may be drawn from a quota, as a pure function of the calls in its window."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from busway.contracts.coordination import Quota
from busway.errors import UsageError

__all__ = ["Drawn", "check_quota", "kept_calls", "wait_ns"]

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


def wait_ns(
    sums: Mapping[str, int],
    oldest_first: Iterable[Drawn],
    quota: Quota,
    use: str,
    count: int,
    asking: Collection[str],
    now_ns: int,
) -> int:
    """Nanoseconds until ``count`` calls may be drawn for ``use``; 0 = now.

    :param sums: how many calls of the last period were drawn for each use.
    :param oldest_first: those calls; read only as far as it takes, since a window may have many thousands.
    :param asking: the uses that asked for calls within the last period: only their shares are kept free.
    """
    used = Counter(sums)
    if _fits(used, quota, use, count, asking):
        return 0
    for at_ns, one in oldest_first:
        used[one] -= 1
        if _fits(used, quota, use, count, asking):
            return max(0, at_ns + round(quota.period_seconds * 1e9) - now_ns)
    raise AssertionError("an empty window takes every checked request")


def kept_calls(quota: Quota, use: str) -> int:
    """How many calls of a period are kept for ``use``."""
    # 0.29 of 100 is 28.999... in binary: without the small part one call of the share would be lost.
    return int(quota.shares.get(use, 0.0) * quota.calls + 1e-9)


def _fits(used: Mapping[str, int], quota: Quota, use: str, count: int, asking: Collection[str]) -> bool:
    """Whether ``count`` calls for ``use`` fit beside those ``used`` in the window."""
    drawn = sum(used.values())
    if drawn + count > quota.calls:
        return False
    if used.get(use, 0) + count <= kept_calls(quota, use):
        return True
    others = (max(0, kept_calls(quota, one) - used.get(one, 0)) for one in quota.shares if one != use and one in asking)
    # An empty window takes a large request even where shares are kept: it would otherwise wait for ever.
    return drawn + count + sum(others) <= quota.calls or not drawn


def _fault(quota: Quota, count: int) -> str:
    if quota.calls < 1 or not 0 < quota.period_seconds < math.inf:
        return "a quota has at least one call and a period longer than nothing"
    if not 1 <= count <= quota.calls:
        return f"{count} calls at once are asked for"
    shares = quota.shares.values()
    if not all(0 <= share <= 1 for share in shares) or sum(shares) > 1 + 1e-9:
        return "its shares are more than the whole"
    if not 0 <= (quota.margin_seconds or 0) < math.inf:
        return "its margin is less than nothing, or has no end"
    return ""
