"""What the configuration says and lacks (``busway.config-status/1``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from busway.errors import ConfigurationError, Problem
from busway.wiring.operation_tables import operation_problems
from busway.wiring.sync_tables import sync_problems

if TYPE_CHECKING:
    from busway.app import App

__all__ = ["ConfigStatus", "config_status", "problems_of_rows", "table_problems"]


class ConfigStatus:
    """Every setting with its value and place, and what has to be mended.

    :param found: what the manager found; ``validation`` gains the problems of the tables.
    """

    def __init__(self, found: dict[str, Any], problems: list[Problem]) -> None:
        self.problems = problems
        self.exit_code = max(int(found["validation"]["exit_code"]), 3 if problems else 0)
        rows = [problem.as_dict() for problem in problems]
        self.data = {**found, "validation": {"is_valid": not problems, "exit_code": self.exit_code, "problems": rows}}


def config_status(app: App, warnings: list[str]) -> ConfigStatus:
    """The status of a deployment; every source is asked once.

    :param warnings: those of the application are added before plugins are built: what an optional one lacks is among
        the warnings of the status.
    """
    found = app.config.get_configuration_status()
    warnings += app.warnings()
    return ConfigStatus(found, [*problems_of_rows(found["validation"]["problems"]), *table_problems(app, found)])


def problems_of_rows(rows: Iterable[dict[str, Any]]) -> list[Problem]:
    """Problems from their dictionaries."""
    return [Problem(**row) for row in rows]


def table_problems(app: App, found: dict[str, Any]) -> list[Problem]:
    """What is wrong in the tables of jobs, of cached data, of the schedule and of the service.

    Only whole jobs can say which tables they read.
    """
    if found["validation"]["problems"] or app.plugins.problems():
        return []
    deployment = app.boot.deployment
    try:
        problems = sync_problems(deployment, lambda: app.sync)
    except ConfigurationError as error:
        return list(error.problems)
    return problems + operation_problems(deployment, lambda: [job.name for job in app.sync.jobs()])
