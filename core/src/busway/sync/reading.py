"""Reads: each side completely or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb

from busway.contracts.jobs import Job
from busway.contracts.records import Complete, Record
from busway.contracts.runs import Run
from busway.errors import BuswayError

__all__ = ["guarded", "raised_at", "read_source", "read_target"]


def read_source(job: Job, run: Run) -> list[Record]:
    """Every source record of ``job``.

    The list is built before anything is decided: a generator that fails half way leaves nothing to decide on.
    Raises what the job raised where that is a ``BuswayError``, else BW4005.
    """
    with guarded(job, "source"):
        return list(job.source(run))


def read_target(job: Job, run: Run) -> Complete[Record]:
    """Every target record of ``job``. Raises as :func:`read_source`, and BW4004 for anything but a ``Complete``."""
    with guarded(job, "target"):
        records: object = job.target(run)
    if not isinstance(records, Complete):
        raise BuswayError(
            "BW4004",
            f"job {job.name} did not vouch for a complete target",
            where=_place(job, "target"),
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
        raise BuswayError(
            "BW4005",
            f"job {job.name} broke in {step}() with {type(error).__name__}",
            where=f"{_place(job, step)}, {raised_at(error)}",
            why="the job raised an error that is none of busway.errors, so nothing was decided or written",
            fix="mend the job, or let it raise the error of busway.errors that says what is wrong",
        ) from error


def raised_at(error: BaseException) -> str:
    """File and line where ``error`` was raised: what can be told of an exception whose text may hold data."""
    frames = extract_tb(error.__traceback__)
    return f"raised at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "raised nowhere known"


def _place(job: Job, step: str) -> str:
    return f"job {job.name}, {type(job).__module__}.{type(job).__qualname__}.{step}"
