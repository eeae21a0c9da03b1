"""Four real processes and a real server that counts: nobody is ever told that it was too much.

How much of the quota they use is measured by ``benchmarks/sync_quota.py``, and by the soak run; here the machine may be
crowded, and the margin is as wide as that asks for.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from builders.counting_target import CountingTarget
from builders.quota_children import QuotaChild, QuotaDeployment, Tally
from builders.redis_server import RedisServer
from busway.contracts.coordination import Quota

QUOTA = Quota("acme", 20, 1.5, {"writes": 0.7, "reads": 0.25}, margin_seconds=1.0)


@pytest.mark.parametrize(("coordinator", "fixed"), [("local", False), ("redis", True)])
def test_four_processes_share_a_quota_and_none_is_refused(tmp_path: Path, coordinator: str, fixed: bool) -> None:
    """At a remote whose window slides, and at one where it begins anew each period."""
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(tmp_path)).port if coordinator == "redis" else None
        target = stack.enter_context(CountingTarget(QUOTA.calls, QUOTA.period_seconds, fixed=fixed))
        deployment = QuotaDeployment(tmp_path, QUOTA, target.port, redis)
        tallies = run(deployment, shares=("writes", "writes", "reads", "writes"), threads=3, calls=3)
    assert [tally.errors for tally in tallies] == [[]] * 4
    assert [tally.done for tally in tallies] == [9] * 4
    assert (len(target.arrivals), target.refused) == (36, [])
    first, last = target.arrivals[0][0], target.arrivals[-1][0]
    assert last - first >= QUOTA.period_seconds, "36 calls of 20 take two windows"


def test_a_refusal_is_heeded_by_all(tmp_path: Path) -> None:
    """The account has less than the quota says, or somebody else uses it, too."""
    declared = Quota("acme", 40, 1.0)
    with CountingTarget(10, 1.0) as target:
        tallies = run(QuotaDeployment(tmp_path, declared, target.port), ("writes",) * 4, threads=2, calls=3)
    assert sum(tally.done for tally in tallies) == 24
    assert [tally.errors for tally in tallies] == [[]] * 4
    refused = sum(tally.refused for tally in tallies)
    assert 0 < refused == len(target.refused)
    # Those under way when the first one was refused are refused, too; after that all of them stay away.
    assert refused <= 8 * 3, "a thread is refused once for each window, not again and again"


def run(deployment: QuotaDeployment, shares: tuple[str, ...], threads: int, calls: int) -> list[Tally]:
    """What one process for each of ``shares`` did, all begun at once."""
    with ExitStack() as stack:
        children = [stack.enter_context(QuotaChild(deployment, threads, calls, share)) for share in shares]
        for child in children:
            child.ready()
        for child in children:
            child.go()
        return [child.tally() for child in children]
