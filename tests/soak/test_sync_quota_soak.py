"""A minute of four processes on 60 calls in 6 seconds, ten times as fast as a real account: none refused, 95 % used.

On a machine that has little else to do: the margin is 210 ms, and a process that stands still for longer may be
refused.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from builders.counting_target import CountingTarget
from builders.quota_children import QuotaChild, QuotaDeployment
from builders.redis_server import RedisServer
from busway.contracts.coordination import Quota

QUOTA = Quota("acme", 60, 6.0, {"writes": 0.7, "reads": 0.25, "console": 0.05})
WINDOWS = 10

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


@pytest.mark.parametrize("fixed", [False, True], ids=["sliding", "fixed"])
@pytest.mark.parametrize("coordinator", ["local", "redis"])
def test_a_minute_of_four_processes(tmp_path: Path, coordinator: str, fixed: bool) -> None:
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(tmp_path)).port if coordinator == "redis" else None
        target = stack.enter_context(CountingTarget(QUOTA.calls, QUOTA.period_seconds, fixed=fixed))
        deployment = QuotaDeployment(tmp_path, QUOTA, target.port, redis)
        # Three windows more than are measured: when the first processes are done, a part is still kept for them.
        calls = (WINDOWS + 4) * QUOTA.calls // 16 + 1
        shares = ("writes", "writes", "reads", "writes")
        children = [stack.enter_context(QuotaChild(deployment, 4, calls, share)) for share in shares]
        for child in children:
            child.ready()
        for child in children:
            child.go()
        tallies = [child.tally(300) for child in children]
    assert [(tally.done, tally.refused, tally.errors) for tally in tallies] == [(4 * calls, 0, [])] * 4
    assert target.refused == []
    # From the first call of the first window to the last of the last one measured: what goes on for ever.
    at = [when for when, _ in target.arrivals]
    used = WINDOWS * QUOTA.period_seconds / (at[(WINDOWS + 1) * QUOTA.calls - 1] - at[0])
    assert used >= 0.95
