"""Reads: each side completely or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from busway.contracts.jobs import Job
from busway.contracts.records import Complete, Record
from busway.contracts.runs import Run
from busway.errors import BuswayError
from busway.plugins.origins import origin_of
from busway.plugins.stack import raised_at
from busway.plugins.watchdog import ticker

__all__ = ["guarded", "place_of", "read_source", "read_target"]


def read_source(job: Job, run: Run) -> list[Record]:
    """Every source record of ``job``.

    The list is built before anything is decided: a generator that fails half way leaves nothing to decide on.
    Raises what the job raised where that is a ``BuswayError``, else BW4005.
    """
    with guarded(job, "source"):
        return list(_counted(job.source(run)))


def read_target(job: Job, run: Run) -> Complete[Record]:
    """Every target record of ``job``. Raises as :func:`read_source`, and BW4004 for anything but a ``Complete``."""
    with guarded(job, "target"):
        records: object = job.target(run)
    if not isinstance(records, Complete):
        raise BuswayError(
            "BW4004",
            f"job {job.name} did not vouch for a complete target",
            where=place_of(job, "target"),
            why=f"target() returned {type(records).__name__}, not Complete; a partial list would look like records to "
            "create again",
            fix="return Complete(records) once every page is read, or raise IncompleteReadError",
        )
    return records


@contextmanager
def guarded(job: Job, step: str) -> Iterator[None]:
    """Names job and step for an exception that is none of ours (BW4005); its text may hold data and stays out."""
    try:
        yield
    except BuswayError:
        raise
    except Exception as error:
        origin = origin_of(job)
        raise BuswayError(
            "BW4005",
            f"job {job.name} broke in {step}() with {type(error).__name__}",
            where=f"{place_of(job, step)}, {raised_at(error)}",
            why="the job raised an error that is none of busway.errors, so nothing was decided or written",
            fix=(f"{origin.remedy}; its authors: " if origin else "")
            + "mend the job, or let it raise the error of busway.errors that says what is wrong",
        ) from error


def place_of(job: Job, step: str) -> str:
    """The job, its method and the plugin it is from: ``job people, acme_people.People.source, acme-people 2.1, …``."""
    method = f"job {job.name}, {type(job).__module__}.{type(job).__qualname__}.{step}"
    origin = origin_of(job)
    return f"{method}, {origin.where}" if origin else method


def _counted(records: Iterable[Record]) -> Iterator[Record]:
    """``records``, each a sign of progress."""
    tick = ticker()
    for record in records:
        tick()
        yield record
