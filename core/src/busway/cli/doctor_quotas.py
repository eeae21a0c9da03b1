"""How far the quotas of the deployment are drawn from, for ``busway doctor``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from busway.cli.finding import Finding
from busway.cli.text import plural
from busway.errors import BuswayError

if TYPE_CHECKING:
    from busway.app import App
    from busway.configuration.boot import Boot
    from busway.contracts.coordination import Coordinator, QuotaUse

__all__ = ["quotas_of_app", "quotas_of_host"]

HELD = "nothing, unless it happens often: then the quota allows more calls than the account has"


def quotas_of_host(stage: Boot) -> Iterator[Finding]:
    """Those in the state folder. Loads no plugin, and makes nothing that is not there."""
    from busway.stores.coordination_schema import COORDINATION_DB

    if not (stage.state_dir / COORDINATION_DB).exists():
        return
    from busway.contracts.clock import SystemClock
    from busway.stores.local_coordinator import LocalCoordinator

    try:
        with closing(LocalCoordinator(stage.state_dir, SystemClock())) as coordinator:
            yield from _findings(coordinator)
    except BuswayError as error:
        yield _failed(error)


def quotas_of_app(app: App) -> Iterator[Finding]:
    """Those of the coordinator that ``app`` has, which is asked."""
    try:
        yield from _findings(app.coordinator)
    except BuswayError as error:
        yield _failed(error)


def _findings(coordinator: Coordinator) -> Iterator[Finding]:
    from busway.contracts.coordination import SupportsQuotaUse

    if isinstance(coordinator, SupportsQuotaUse):
        yield from map(_finding, coordinator.quota_use())


def _finding(use: QuotaUse) -> Finding:
    detail = f"{sum(use.drawn.values())} of {plural(use.calls, 'call')} drawn in {use.period_seconds:g} s"
    by_share = [f"{share} {count}" for share, count in use.drawn.items() if share]
    if by_share:
        detail += f": {', '.join(by_share)}"
    if use.held_seconds:
        return f"quota {use.name}", "warning", f"{detail}; the remote asked for {use.held_seconds:.0f} s more", HELD
    return f"quota {use.name}", "ok", detail, ""


def _failed(error: BuswayError) -> Finding:
    problem = error.problem
    return "quotas", "failed", f"{problem.what} ({problem.code}): {problem.why}", problem.fix
