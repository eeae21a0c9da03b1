"""Jobs carried out in the order of their dependencies, several at once where they do not depend on each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from graphlib import TopologicalSorter

from busway.contracts.jobs import Job
from busway.sync.daemon_pool import DaemonPool
from busway.sync.report import JobReport

__all__ = ["CarryOut", "carry_out_all"]

CarryOut = Callable[[Job, Sequence[JobReport]], JobReport]
"""Carries out one job, given the reports of those that ended before it."""


def carry_out_all(jobs: Sequence[Job], carry_out: CarryOut, parallel: int) -> list[JobReport]:
    """The reports of ``jobs``, in their order.

    :param jobs: dependencies first.
    :param parallel: how many at the same time; with 1 they run in the calling thread.
    """
    if parallel <= 1 or len(jobs) <= 1:
        return _one_by_one(jobs, carry_out)
    by_name = {job.name: job for job in jobs}
    sorter = TopologicalSorter({job.name: [one for one in job.depends_on if one in by_name] for job in jobs})
    sorter.prepare()
    reports: dict[str, JobReport] = {}
    with DaemonPool[JobReport](parallel, "busway-job") as pool:
        under_way: dict[Future[JobReport], str] = {}
        while sorter.is_active():
            for name in sorted(sorter.get_ready(), key=[*by_name].index):
                under_way[pool.submit(carry_out, by_name[name], [*reports.values()])] = name
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                name = under_way.pop(future)
                reports[name] = future.result()
                sorter.done(name)
    return [reports[job.name] for job in jobs]


def _one_by_one(jobs: Sequence[Job], carry_out: CarryOut) -> list[JobReport]:
    reports: list[JobReport] = []
    for job in jobs:
        reports.append(carry_out(job, reports))
    return reports
