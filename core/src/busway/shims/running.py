"""Which job is at work: said by the program, or seen from the modules whose code runs."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import PurePath

from busway.shims.call_site import modules_around

__all__ = ["job_at_work", "running_job"]

_said: ContextVar[str] = ContextVar("busway_shims_job", default="")


@contextmanager
def running_job(name: str) -> Iterator[None]:
    """Within it, flags stand as they do for the job ``name``, in this thread and task."""
    token = _said.set(name)
    try:
        yield
    finally:
        _said.reset(token)


def job_at_work(jobs: Collection[str]) -> str:
    """The one of ``jobs`` that is at work, empty when none is.

    What :func:`running_job` says; else the innermost module on the stack that is called like a job (``employees``,
    ``sync_employees``, ``employees_sync``); else the program that was started. Threads of a pool have no job on their
    stack: there it is the program, or what :func:`running_job` says in the thread.
    """
    said = _said.get()
    if said:
        return said if said in jobs else ""
    return _named(modules_around(), jobs) or _named([_program()], jobs)


def _named(modules: Iterable[str], jobs: Collection[str]) -> str:
    for module in modules:
        last = module.rpartition(".")[2]
        for name in (last, last.removeprefix("sync_"), last.removesuffix("_sync")):
            if name in jobs:
                return name
    return ""


def _program() -> str:
    """The name of the module the process was started with."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    return str(spec.name) if spec is not None else PurePath(str(getattr(main, "__file__", ""))).stem
