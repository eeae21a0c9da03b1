"""The tables ``[schedule]`` and ``[service]`` of a deployment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from busway.configuration.deployment import Deployment
from busway.errors import ConfigurationError, Problem

__all__ = ["operation_problems"]


def operation_problems(deployment: Deployment, jobs: Callable[[], Sequence[str]]) -> list[Problem]:
    """What is wrong with the two tables; ``jobs`` is asked for the selected ones when there is a schedule."""
    # Imported here: most commands have no need of either table.
    from busway.operation.schedule_policy import SchedulePolicy
    from busway.operation.service_policy import ServicePolicy

    found: list[Problem] = []
    schedule, service = deployment.table("schedule"), deployment.table("service")
    if schedule:
        try:
            SchedulePolicy.from_table(schedule, jobs(), partial(deployment.where, "schedule"))
        except ConfigurationError as error:
            found += error.problems
    if service:
        try:
            ServicePolicy.from_table(service, partial(deployment.where, "service"))
        except ConfigurationError as error:
            found += error.problems
    return found
