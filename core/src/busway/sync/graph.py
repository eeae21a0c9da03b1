"""The order of jobs: what one depends on runs before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from busway.contracts.jobs import Job
from busway.errors import ConfigurationError, UsageError

__all__ = ["order", "select", "unfinished_dependency", "unknown_job"]


def order(jobs: Iterable[Job]) -> tuple[Job, ...]:
    """``jobs`` with dependencies first, otherwise in the order given.

    Raises ``ConfigurationError``: BW4012 two jobs of one name, BW4001 unknown dependency, BW4002 a cycle.
    """
    by_name = _by_name(jobs)
    _check_dependencies(by_name)
    position = {name: index for index, name in enumerate(by_name)}
    sorter = TopologicalSorter({name: job.depends_on for name, job in by_name.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        raise _cycle(error.args[1]) from None
    ordered: list[Job] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=position.__getitem__)
        ordered.extend(by_name[name] for name in ready)
        sorter.done(*ready)
    return tuple(ordered)


def select(jobs: Iterable[Job], names: Sequence[str]) -> tuple[Job, ...]:
    """Exactly the jobs named, dependencies first; all of them when no name is given.

    Raises ``UsageError`` BW4003 for a name that is no job, ``ConfigurationError`` BW4015 when there are no jobs at all,
    and whatever :func:`order` raises.
    """
    ordered = order(jobs)
    if not ordered:
        raise no_jobs()
    known = [job.name for job in ordered]
    for name in names:
        if name not in known:
            raise unknown_job(name, known)
    return tuple(job for job in ordered if not names or job.name in names)


def no_jobs() -> ConfigurationError:
    """The error for a deployment without jobs: a run that does nothing must not look like one that went well."""
    return ConfigurationError(
        "BW4015",
        "no jobs are selected",
        where="[plugins] jobs",
        why="a deployment without jobs has nothing to plan or run",
        fix='in busway.toml, under [plugins]: jobs = ["safetyamp"]; what is installed: busway plugins list',
    )


def unknown_job(name: str, known: Sequence[str]) -> UsageError:
    """The error for a job that is not there, with the nearest name and the list."""
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    listed = ", ".join(known) or "none; select a plugin under [plugins] jobs in busway.toml"
    return UsageError("BW4003", f"there is no job {name!r}", why=f"the jobs are: {listed}", fix=f"{hint}busway jobs")


def unfinished_dependency(job: Job, unfinished: Iterable[str]) -> str | None:
    """The first dependency of ``job`` that is among ``unfinished``, if any."""
    waiting = set(unfinished)
    return next((name for name in job.depends_on if name in waiting), None)


def _by_name(jobs: Iterable[Job]) -> dict[str, Job]:
    by_name: dict[str, Job] = {}
    for job in jobs:
        other = by_name.setdefault(job.name, job)
        if other is not job:
            raise ConfigurationError(
                "BW4012",
                f"two jobs are called {job.name!r}",
                where=f"{type(other).__module__} and {type(job).__module__}",
                fix="take one of their plugins out of [plugins] jobs",
            )
    return by_name


def _check_dependencies(by_name: dict[str, Job]) -> None:
    for job in by_name.values():
        for dependency in job.depends_on:
            if dependency not in by_name:
                raise ConfigurationError(
                    "BW4001",
                    f"job {job.name} depends on {dependency}, which is not there",
                    where=f"{type(job).__module__}.{type(job).__qualname__}.depends_on",
                    why=f"the jobs are: {', '.join(by_name)}",
                    fix="select the plugin that offers it under [plugins] jobs, or mend depends_on",
                )


def _cycle(chain: Sequence[str]) -> ConfigurationError:
    # graphlib lists each job after the one that needs it; people read "a needs b needs a".
    return ConfigurationError(
        "BW4002",
        "jobs depend on each other in a circle: " + " -> ".join(reversed(chain)),
        why="each would have to run before the other",
        fix="take one name out of depends_on",
    )
