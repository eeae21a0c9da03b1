"""Several writes at once, and jobs side by side."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.recording_target import PeopleJob
from busway.contracts.jobs import Job
from busway.sync.crew import Crew
from busway.sync.daemon_pool import DaemonPool
from busway.sync.job_graph import carry_out_all
from busway.sync.report import JobReport


def test_one_worker_is_no_thread() -> None:
    threads = [thread for _, thread in Crew(1, lambda _: threading.current_thread()).results(iter(range(3)))]
    assert threads == [threading.current_thread()] * 3


def test_never_more_are_under_way_than_allowed_and_that_many_are() -> None:
    barrier, lock = threading.Barrier(4, timeout=10), threading.Lock()
    now = most = 0

    def work(item: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        barrier.wait()
        with lock:
            now -= 1
        return item * 2

    results = dict(Crew(4, work).results(iter(range(20))))
    assert results == {item: item * 2 for item in range(20)}
    assert most == 4


def test_an_item_is_taken_only_when_it_can_be_begun() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(10):
            taken.append(item)
            yield item

    results = Crew(1, lambda item: item).results(items())
    next(results)
    assert taken == [0]


def test_when_the_items_end_what_is_under_way_still_comes() -> None:
    release, over = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield from range(3)
        over.set()

    def work(item: int) -> int:
        if item:
            release.wait(10)
        return item

    results = Crew(3, work).results(items())
    assert next(results) == (0, 0)
    release.set()
    assert sorted(results) == [(1, 1), (2, 2)]
    assert over.is_set()


def test_work_runs_in_the_context_of_who_submitted_it() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    variable.set("mine")
    with DaemonPool[str](2, "test") as pool:
        assert pool.submit(variable.get).result(5) == "mine"


def test_what_work_raises_is_the_result() -> None:
    def broken() -> str:
        raise KeyError("x")

    with DaemonPool[str](1, "test") as pool, pytest.raises(KeyError):
        pool.submit(broken).result(5)


def test_threads_of_a_pool_do_not_keep_the_process() -> None:
    with DaemonPool[bool](1, "test") as pool:
        assert pool.submit(lambda: threading.current_thread().daemon).result(5)


def jobs_of(needs: Sequence[Sequence[int]]) -> list[Job]:
    return [
        PeopleJob([], name=f"job{number}", depends_on=tuple(f"job{one}" for one in before))
        for number, before in enumerate(needs)
    ]


@given(
    st.integers(1, 7).flatmap(
        lambda size: st.tuples(
            *[st.sets(st.integers(0, max(number - 1, 0)), max_size=number) for number in range(size)]
        )
    ),
    st.integers(1, 4),
)
def test_a_job_is_carried_out_after_those_it_depends_on(needs: Sequence[set[int]], parallel: int) -> None:
    jobs = jobs_of([sorted(one) if number else [] for number, one in enumerate(needs)])
    ended: list[str] = []
    lock = threading.Lock()

    def carry_out(job: Job, earlier: Sequence[JobReport]) -> JobReport:
        with lock:
            assert {*job.depends_on} <= {*ended}
            assert {*job.depends_on} <= {one.job for one in earlier}
            ended.append(job.name)
        return JobReport(job.name, job.entity)

    reports = carry_out_all(jobs, carry_out, parallel)
    assert [report.job for report in reports] == [job.name for job in jobs]
    assert sorted(ended) == sorted(job.name for job in jobs)


def test_independent_jobs_are_at_work_at_the_same_time() -> None:
    barrier = threading.Barrier(3, timeout=10)

    def carry_out(job: Job, earlier: Sequence[JobReport]) -> JobReport:
        barrier.wait()
        return JobReport(job.name, job.entity)

    assert len(carry_out_all(jobs_of([[], [], []]), carry_out, 3)) == 3
