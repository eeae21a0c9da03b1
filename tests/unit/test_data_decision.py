"""The decision about an entry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.contracts.caches import Entry
from busway.data.decision import NANOSECONDS, Verdict, decide
from busway.data.policy import Policy

FRESH_UNTIL, KEPT_UNTIL = 100 * NANOSECONDS, 160 * NANOSECONDS
ENTRY = Entry("v", 1, 0, FRESH_UNTIL, KEPT_UNTIL, generation=5)
NEVER_STALE, AN_HOUR, HALF_A_MINUTE = Policy(), Policy(stale_on_error=3600), Policy(stale_on_error=30)


@pytest.mark.parametrize(
    ("now_ns", "policy", "stamp", "verdict"),
    [
        (0, NEVER_STALE, 0, Verdict.HIT),
        (FRESH_UNTIL - 1, NEVER_STALE, 0, Verdict.HIT),
        (FRESH_UNTIL, NEVER_STALE, 0, Verdict.LOAD),
        (FRESH_UNTIL, AN_HOUR, 0, Verdict.STALE),
        (KEPT_UNTIL - 1, AN_HOUR, 0, Verdict.STALE),
        (KEPT_UNTIL, AN_HOUR, 0, Verdict.LOAD),
        (FRESH_UNTIL + 30 * NANOSECONDS, HALF_A_MINUTE, 0, Verdict.LOAD),
        (0, NEVER_STALE, 5, Verdict.HIT),
        (0, NEVER_STALE, 6, Verdict.LOAD),
        (FRESH_UNTIL, AN_HOUR, 6, Verdict.LOAD),
    ],
)
def test_the_verdict(now_ns: int, policy: Policy, stamp: int, verdict: Verdict) -> None:
    assert decide(ENTRY, now_ns, policy, stamp) is verdict


def test_nothing_is_to_be_loaded() -> None:
    assert decide(None, 0, AN_HOUR) is Verdict.LOAD


@given(st.integers(0, 300 * NANOSECONDS), st.integers(0, 300 * NANOSECONDS), st.integers(0, 10))
def test_an_entry_only_ever_gets_worse(one: int, other: int, stamp: int) -> None:
    order = [Verdict.HIT, Verdict.STALE, Verdict.LOAD]
    earlier, later = sorted((one, other))
    assert order.index(decide(ENTRY, earlier, AN_HOUR, stamp)) <= order.index(decide(ENTRY, later, AN_HOUR, stamp))
