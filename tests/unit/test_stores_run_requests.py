"""Runs that were asked for, and how far each schedule has come, in ``state.db``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from busway.stores.run_requests import KEPT_NS, RunRequest
from busway.stores.schedule_slots import JobSlot
from busway.stores.state import StateStore

FIRST = RunRequest("0199-a", ("people",), "trigger", "ann", "to see", 10)
SECOND = RunRequest("0199-b", ("people", "teams"), "schedule", "schedule", "", 20, missed=3)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore(tmp_path)
    yield store
    store.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[StateStore]:
    """Another connection to the same file."""
    store = StateStore(tmp_path)
    yield store
    store.close()


def test_requests_are_kept_as_they_are_in_the_order_of_asking(store: StateStore, other: StateStore) -> None:
    for one in (SECOND, FIRST):
        store.run_requests.add(one)
    store.close()
    assert other.run_requests.open() == [FIRST, SECOND]
    assert store.run_requests.recent(1) == [SECOND]
    assert store.run_requests.recent(5, "teams") == [SECOND]
    assert store.run_requests.find("0199") == [FIRST, SECOND]
    assert store.run_requests.find("0199-b") == [SECOND]


def test_one_run_is_under_way_at_a_time(store: StateStore, other: StateStore) -> None:
    for one in (FIRST, SECOND):
        store.run_requests.add(one)
    assert store.run_requests.take("0199-a", "process 1", 30)
    assert not other.run_requests.take("0199-b", "process 2", 31)
    assert not other.run_requests.take("0199-a", "process 2", 31)
    assert store.run_requests.end("0199-a", "ok", 40, 0, {"jobs": []})
    assert not other.run_requests.end("0199-a", "failed", 41, 1)
    assert other.run_requests.take("0199-b", "process 2", 42)
    (ended,) = store.run_requests.find("0199-a")
    assert ended == replace(
        FIRST, state="ended", attempts=1, holder="process 1", started_ns=30, ended_ns=40, exit_code=0, outcome="ok",
        report={"jobs": []},
    )  # fmt: skip


def test_a_run_that_waits_again_keeps_its_place_and_counts_only_real_attempts(store: StateStore) -> None:
    for one in (FIRST, SECOND):
        store.run_requests.add(one)
    store.run_requests.take("0199-a", "process 1", 30)
    assert store.run_requests.wait_again("0199-a", counted=False)
    store.run_requests.take("0199-a", "process 1", 31)
    assert store.run_requests.wait_again("0199-a")
    assert not store.run_requests.wait_again("0199-a")
    assert [(one.run_id, one.attempts) for one in store.run_requests.open()] == [("0199-a", 1), ("0199-b", 0)]


def test_what_ended_long_ago_is_forgotten_and_what_waits_never(store: StateStore) -> None:
    for one in (FIRST, SECOND):
        store.run_requests.add(one)
    store.run_requests.end("0199-a", "ok", 40, 0)
    store.run_requests.add(replace(FIRST, run_id="0199-c", requested_ns=KEPT_NS + 50))
    assert [one.run_id for one in store.run_requests.recent(9)] == ["0199-c", "0199-b"]


def test_slots_are_kept_by_job_and_replaced(store: StateStore) -> None:
    store.schedule_slots.put([JobSlot("people", 1, 2), JobSlot("teams", 1, 2)])
    store.schedule_slots.put([JobSlot("people", 1, 9, 5)])
    assert store.schedule_slots.all() == {"people": JobSlot("people", 1, 9, 5), "teams": JobSlot("teams", 1, 2)}
