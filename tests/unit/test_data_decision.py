"""The decision about an entry, and about how long to wait for another."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.contracts.caches import Entry
from busway.data.decision import NANOSECONDS, Patience, Verdict, decide, patience
from busway.data.names import SCHEMA_VERSION
from busway.data.negative import FailedLoad
from busway.data.policy import Policy

FRESH_UNTIL, KEPT_UNTIL = 100 * NANOSECONDS, 160 * NANOSECONDS
ENTRY = Entry("v", 1, 0, FRESH_UNTIL, KEPT_UNTIL, generation=5)
NEVER_STALE, AN_HOUR, HALF_A_MINUTE = Policy(), Policy(stale_on_error=3600), Policy(stale_on_error=30)
REMEMBERS = Policy(stale_on_error=3600, retry_after=10, negative_ttl=20, negative_errors=True)

NOW = st.integers(0, 300 * NANOSECONDS)
SECONDS = st.floats(0, 100)
POLICIES = st.builds(
    Policy,
    stale_on_error=SECONDS,
    retry_after=SECONDS,
    negative_ttl=st.none() | SECONDS,
    negative_errors=st.booleans(),
    soft_timeout=SECONDS,
    hard_timeout=SECONDS,
)
ENTRIES = st.none() | st.builds(
    Entry,
    st.just("v"),
    st.integers(0, SCHEMA_VERSION + 1),
    NOW,
    NOW,
    NOW,
    generation=st.integers(0, 10),
)
FAILURES = st.none() | st.builds(FailedLoad, st.just(ValueError()), NOW, NOW, st.integers(0, 10))
STAMPS = st.integers(0, 10)


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


@pytest.mark.parametrize(
    ("now_s", "stamp", "since_s", "failed_stamp", "verdict"),
    [
        (50, 5, 0, 5, Verdict.HIT),
        (101, 5, 9, 5, Verdict.SERVE_STALE),
        (101, 5, 10, 5, Verdict.STALE),
        (101, 5, -1, 5, Verdict.STALE),
        (170, 5, 19, 5, Verdict.FAIL),
        (170, 5, 20, 5, Verdict.LOAD),
        (101, 6, 1, 6, Verdict.FAIL),
        (101, 6, 1, 5, Verdict.LOAD),
    ],
    ids=["hit", "throttled", "over", "from the future", "remembered", "forgotten", "invalid entry", "invalid failure"],
)
def test_the_verdict_after_a_failed_load(
    now_s: int, stamp: int, since_s: int, failed_stamp: int, verdict: Verdict
) -> None:
    failed = FailedLoad(ValueError(), (now_s - since_s) * NANOSECONDS, 0, failed_stamp)
    assert decide(ENTRY, now_s * NANOSECONDS, REMEMBERS, stamp, failed) is verdict


def test_nothing_is_to_be_loaded() -> None:
    assert decide(None, 0, AN_HOUR) is Verdict.LOAD


def test_an_entry_of_a_later_schema_is_none() -> None:
    assert decide(Entry("v", SCHEMA_VERSION + 1, 0, FRESH_UNTIL, KEPT_UNTIL), 0, AN_HOUR) is Verdict.LOAD


@given(NOW, NOW, STAMPS)
def test_an_entry_only_ever_gets_worse(one: int, other: int, stamp: int) -> None:
    order = [Verdict.HIT, Verdict.STALE, Verdict.LOAD]
    earlier, later = sorted((one, other))
    assert order.index(decide(ENTRY, earlier, AN_HOUR, stamp)) <= order.index(decide(ENTRY, later, AN_HOUR, stamp))


@given(ENTRIES, NOW, POLICIES, STAMPS, FAILURES)
def test_nothing_invalid_foreign_or_too_old_is_ever_served(
    entry: Entry | None, now_ns: int, policy: Policy, stamp: int, failed: FailedLoad | None
) -> None:
    verdict = decide(entry, now_ns, policy, stamp, failed)
    if verdict in (Verdict.HIT, Verdict.STALE, Verdict.SERVE_STALE):
        assert entry is not None
        assert entry.generation >= stamp
        assert entry.schema_version <= SCHEMA_VERSION
        assert now_ns < entry.fresh_until_ns or now_ns < entry.kept_until_ns
    if verdict is Verdict.HIT:
        assert entry is not None
        assert now_ns < entry.fresh_until_ns


@given(ENTRIES, NOW, POLICIES, STAMPS, FAILURES)
def test_a_failed_load_never_changes_what_there_is_only_whether_it_is_tried_again(
    entry: Entry | None, now_ns: int, policy: Policy, stamp: int, failed: FailedLoad | None
) -> None:
    without, verdict = decide(entry, now_ns, policy, stamp), decide(entry, now_ns, policy, stamp, failed)
    assert without in (Verdict.HIT, Verdict.STALE, Verdict.LOAD)
    allowed = {
        Verdict.HIT: {Verdict.HIT},
        Verdict.STALE: {Verdict.STALE, Verdict.SERVE_STALE},
        Verdict.LOAD: {Verdict.LOAD, Verdict.FAIL},
    }
    assert verdict in allowed[without]
    if verdict in (Verdict.SERVE_STALE, Verdict.FAIL):
        assert failed is not None
        assert failed.generation >= stamp
        assert failed.at_ns <= now_ns
    if verdict is Verdict.FAIL:
        assert policy.negative_errors


@given(POLICIES, SECONDS, SECONDS, st.booleans())
def test_nobody_waits_longer_than_a_time_out_that_concerns_him(
    policy: Policy, waited: float, loading: float, stale: bool
) -> None:
    term = patience(policy, waited=waited, loading=loading, stale=stale)
    seconds = math.inf if term.seconds is None else term.seconds
    assert seconds >= 0
    if policy.hard_timeout:
        assert seconds <= max(0, policy.hard_timeout - waited)
    if stale and policy.soft_timeout:
        assert seconds <= max(0, policy.soft_timeout - loading)
    if not policy.hard_timeout and not (stale and policy.soft_timeout):
        assert term == Patience(None)
    assert term.then is (Verdict.LOAD if term.seconds is None else Verdict.SERVE_STALE if stale else Verdict.FAIL)


def test_who_comes_late_to_a_slow_load_does_not_wait_for_the_soft_time_out_again() -> None:
    policy = Policy(soft_timeout=2, hard_timeout=10)
    assert patience(policy, waited=0, loading=7, stale=True) == Patience(0.0, Verdict.SERVE_STALE)
    assert patience(policy, waited=0, loading=7, stale=False) == Patience(10.0, Verdict.FAIL)
