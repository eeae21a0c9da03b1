"""Whether the service can do its work: checks that are made in the background, and answered from memory.

No check asks a remote or draws from a quota. What policy calls optional makes the service degraded, never unready.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from busway.cli.text import plural
from busway.errors import BuswayError
from busway.stores.state_dir import JOURNAL

if TYPE_CHECKING:
    from busway.app import App
    from busway.operation.service_policy import ServicePolicy
    from busway_service.runner import Runner

__all__ = ["Check", "make_checks"]

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Check:
    """One finding, in the shape of ``busway doctor``: ``failed`` makes the service unready, ``warning`` degraded."""

    check: str
    status: Literal["ok", "warning", "failed"]
    detail: str
    fix: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def make_checks(app: App, policy: ServicePolicy, runner: Runner) -> list[Check]:
    """All of them, made now. Takes one write to ``state.db`` and a look at the disk."""
    return [_state(app), _journal(app), _disk(app, policy), *_backlog(app, policy), *_degraded(app), _runs(runner)]


def _state(app: App) -> Check:
    try:
        app.state.put("service", "checked", app.clock.now_ns())
    except BuswayError as error:
        return Check("state", "failed", f"{error.problem.what}: {error.problem.why}", error.problem.fix)
    except Exception as error:  # a disk may fail in ways SQLite has no words for
        return Check("state", "failed", f"state.db cannot be written ({type(error).__name__})", "busway doctor")
    return Check("state", "ok", str(app.boot.state_dir))


def _journal(app: App) -> Check:
    folder = app.boot.state_dir / JOURNAL
    if os.access(folder, os.W_OK | os.X_OK):
        return Check("journal", "ok", "can be written")
    return Check("journal", "failed", f"{folder} cannot be written", f"chown $USER {folder}")


def _disk(app: App, policy: ServicePolicy) -> Check:
    free = shutil.disk_usage(app.boot.state_dir).free
    told = f"{free // MEBIBYTE:,} MB free"
    if free >= policy.least_free_bytes:
        return Check("disk", "ok", told)
    return Check("disk", "failed", f"{told}, at least {policy.least_free_bytes // MEBIBYTE:,} MB are needed", "df -h")


def _backlog(app: App, policy: ServicePolicy) -> Iterator[Check]:
    required = {status.name for status in app.plugins.statuses() if status.kind == "sinks" and status.required}
    pending = {sink: count for sink, count in _pending(app).items() if count > policy.most_pending}
    for sink, count in pending.items():
        status: Literal["warning", "failed"] = "failed" if sink in required else "warning"
        yield Check(f"sinks.{sink}", status, f"{plural(count, 'event')} wait for it", "busway doctor --online")
    if not pending:
        yield Check("backlog", "ok", "no sink is far behind")


def _pending(app: App) -> dict[str, int]:
    """What waits for each sink, as it was last counted: to count it here would read all that is in the journals."""
    name = "busway_sink_pending_events"
    return {one.name: int(app.metrics.gauge(name, sink=one.name).value) for one in app.objects("sinks")}


def _degraded(app: App) -> Iterator[Check]:
    """What the deployment can do without, and has to just now."""
    for sink, why in app.events.troubles().items():
        yield Check(sink, "warning", why, "busway doctor --online")
    for level, why in app.levels_away().items():
        yield Check(f"caches.{level}", "warning", f"away: {why}", "busway plugins check --online")
    for status in app.plugins.statuses():
        if status.failed and not status.required:
            yield Check(f"{status.kind}.{status.name}", "warning", status.cause, "\n".join(status.fixes))


def _runs(runner: Runner) -> Check:
    if runner.trouble:
        return Check("runs", "warning", f"none can begin: {runner.trouble}", "busway doctor --online")
    return Check("runs", "ok", "can begin")
