"""The flags of a migration for ``busway doctor``: how each stands, where that is said, and when it goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from busway.cli.finding import Finding
from busway.errors import BuswayError

if TYPE_CHECKING:
    from busway.configuration.boot import Boot
    from busway.configuration.explanation import Explanation

__all__ = ["flag_findings"]


def flag_findings(stage: Boot) -> Iterator[Finding]:
    """One finding for each. Asks the environment, ``.env`` and ``busway.toml``, as shims do."""
    from busway.configuration.flags import FLAG_NAMES
    from busway.configuration.manager import ConfigManager
    from busway.configuration.sources import basic_sources
    from busway.contracts.clock import SystemClock

    try:
        config = ConfigManager.open(stage, basic_sources(stage), clock=SystemClock())
        for name in FLAG_NAMES.values():
            yield _finding(name, config.explain(name))
    except BuswayError as error:
        problem = error.problem
        yield "flags", "failed", f"{problem.what} ({problem.where})", problem.fix


def _finding(name: str, found: Explanation) -> Finding:
    from busway.configuration.flags import REMOVED_IN, parse_flag

    if found.problem is not None:
        return f"flag {name}", "failed", f"{found.problem.what} ({found.problem.where})", found.problem.fix
    flag = parse_flag(str(found.value))
    where = found.winner.place or found.winner.layer if found.winner is not None else "default"
    detail = f"{flag} ({where}); gone in busway {REMOVED_IN}"
    if flag.on and all(flag.jobs.values()):
        return f"flag {name}", "ok", detail, ""
    return f"flag {name}", "warning", detail, f"old code is in use: find out why, and set {name}=on before {REMOVED_IN}"
