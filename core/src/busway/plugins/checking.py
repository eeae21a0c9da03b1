"""Checks plugins, each in a child process of its own, several at a time.

The child loads the plugin, asks for its settings, builds it, compares it with the contract and runs its health
checks; here the children are started, and what became of each is put into words. What a plugin does to its process
(`os._exit`, a crash, a hang) is met there only.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from busway.errors import Problem
from busway.plugins.child import ChildRun, run_child
from busway.plugins.kinds import BUILT_INS
from busway.plugins.report import PluginSetting, PluginStatus

__all__ = ["CHECK_SECONDS", "CheckedHealth", "CheckedPlugin", "PluginChecker"]

CHECK_SECONDS = 20.0
"""For everything that is done with one plugin."""
CORE = "busway"
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CheckedHealth:
    """The answer of one health check of a plugin."""

    name: str
    status: str
    detail: str
    fix: str
    online: bool


@dataclass(frozen=True, slots=True)
class CheckedPlugin:
    """One plugin as its check left it."""

    status: PluginStatus
    settings: tuple[PluginSetting, ...] | None = None
    """What it declares; None when that could not be asked."""
    health: tuple[CheckedHealth, ...] = ()

    @property
    def key(self) -> Key:
        """Kind and name."""
        return self.status.kind, self.status.name


@dataclass(frozen=True, slots=True)
class PluginChecker:
    """Runs checks in child processes.

    :param program: the module that the children run; its `main` says `step`, `settings` and `done`.
    :param request: what every child is told, such as the folder of the deployment.
    :param seconds: time for each plugin.
    :param online: run the health checks that talk to a remote too.
    """

    program: str
    request: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = CHECK_SECONDS
    online: bool = False

    def check(self, rows: Sequence[PluginStatus], sources: Sequence[PluginStatus]) -> list[CheckedPlugin]:
        """The plugins in `rows`, in their order.

        :param sources: the selected secret sources. Those of plugins are checked first: the settings of all others
            may be in them, and one that kills its process must not be taken for the fault of another.
        """
        first = [row for row in sources if _can_run(row) and not _is_built_in(row)]
        usable = [row.name for row in sources if _is_built_in(row)]
        known = {checked.key: checked for checked in self._run_all(first, usable, "health")}
        broken = [checked.status for checked in known.values() if checked.status.failed]
        usable += [row.name for row in first if not known[row.kind, row.name].status.failed]
        rest = [row for row in rows if (row.kind, row.name) not in known]
        known.update({one.key: _blaming(one, broken) for one in self._run_all(rest, usable, "health")})
        return _without_conflicts([known[row.kind, row.name] for row in rows])

    def ask_settings(self, rows: Sequence[PluginStatus]) -> list[CheckedPlugin]:
        """The plugins in `rows`, imported and asked for their settings, and no more."""
        return self._run_all(rows, (), "settings")

    def _run_all(self, rows: Sequence[PluginStatus], sources: Iterable[str], until: str) -> list[CheckedPlugin]:
        if not rows:
            return []
        stop = threading.Event()
        asked = _asked_for_health(rows)

        def work(row: PluginStatus) -> CheckedPlugin:
            last = "contract" if until == "health" and (row.kind, row.name) not in asked else until
            return self._run_one(row, sources=list(sources), until=last, stop=stop)

        # They mostly wait for one another's imports; more than a few at a time only makes each of them late.
        with ThreadPoolExecutor(max_workers=min(len(rows), max(4, os.cpu_count() or 4))) as pool:
            try:
                return list(pool.map(work, rows))
            except BaseException:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _run_one(self, row: PluginStatus, *, sources: list[str], until: str, stop: threading.Event) -> CheckedPlugin:
        if not _can_run(row):
            return CheckedPlugin(row)
        # A name is not enough: two distributions may offer it, and the row is about one of them.
        wanted = {"kind": row.kind, "name": row.name, "distribution": row.distribution}
        request = {**self.request, **wanted, "sources": sources, "until": until, "online": self.online}
        try:
            run = run_child(self.program, request, seconds=self.seconds, stop=stop)
        except OSError as error:
            cause = f"no process could be started for it: {error.strerror or type(error).__name__}"
            return CheckedPlugin(_failed(row, "BW1317", cause, "try again when the machine has memory and processes"))
        return _outcome(row, run, self.seconds)


def _asked_for_health(rows: Sequence[PluginStatus]) -> set[Key]:
    """The rows whose health checks run: one for each module, or one that serves two kinds would ask a remote twice."""
    by_module = {(row.distribution, row.entry_point): (row.kind, row.name) for row in rows}
    return set(by_module.values())


def _can_run(row: PluginStatus) -> bool:
    """It was found: everything else is known to have failed, and there is nothing to import."""
    return row.state in ("selected", "ready", "degraded", "installed", "shadowed") and row.distribution != ""


def _is_built_in(row: PluginStatus) -> bool:
    return row.distribution == CORE and row.name in BUILT_INS.get(row.kind, ())


def _outcome(row: PluginStatus, run: ChildRun, seconds: float) -> CheckedPlugin:
    told, done = run.said("settings"), run.said("done")
    settings = None if told is None else tuple(PluginSetting(**one) for one in told)
    if done is None:
        return CheckedPlugin(_lost(row, run, seconds), settings)
    health = tuple(CheckedHealth(**one) for one in done.pop("health"))
    details = tuple(Problem(**problem) for problem in done.pop("details"))
    notes = (*done.pop("notes"), *_printed(run))
    return CheckedPlugin(replace(row, **done, details=details, notes=notes), settings, health)


def _lost(row: PluginStatus, run: ChildRun, seconds: float) -> PluginStatus:
    """The child ended before it had said what became of the plugin."""
    doing = run.said("step") or "while it started"
    place = f" ({run.place})" if run.place else ""
    if run.overdue:
        cause = f"no answer within {seconds:g} s {doing}{place}; the process was stopped"
        remedy = _upgrade_or_remove(row, "   (imports and hooks must not wait for a remote)")
        return _failed(row, "BW1305", cause, remedy)
    return _failed(row, "BW1316", f"the process {run.ending} {doing}{place}", _upgrade_or_remove(row))


def _upgrade_or_remove(row: PluginStatus, why: str = "") -> str:
    upgrade = f"pip install -U {row.distribution}{why}"
    return f'{upgrade}, or take "{row.name}" out of plugins.{row.kind}' if row.order else upgrade


def _printed(run: ChildRun) -> list[str]:
    if not run.printed:
        return []
    return [f"it wrote {run.printed:,} bytes to standard output, which belongs to the results of commands (--json)"]


def _blaming(checked: CheckedPlugin, broken: Sequence[PluginStatus]) -> CheckedPlugin:
    """With a hint where settings may be missing only because a secret source cannot be used."""
    if checked.status.code != "BW1310" or not broken:
        return checked
    names = " and ".join(f"secrets.{status.name}" for status in broken)
    note = f"{names} cannot be used, and may be where these settings are"
    return replace(checked, status=replace(checked.status, notes=(*checked.status.notes, note)))


def _without_conflicts(checked: Sequence[CheckedPlugin]) -> list[CheckedPlugin]:
    """Each plugin was alone in its process; what they are to one another is seen here: one name, two meanings."""
    owners: dict[str, tuple[str, CheckedPlugin]] = {}
    told: list[CheckedPlugin] = []
    for one in checked:
        taken: list[tuple[str, CheckedPlugin]] = []
        for setting in one.settings or ():
            model, owner = owners.setdefault(setting.name, (setting.model, one))
            if model != setting.model:
                taken.append((setting.name, owner))
        told.append(_conflicting(one, taken) if taken and one.status.order else one)
    return told


def _conflicting(one: CheckedPlugin, taken: Sequence[tuple[str, CheckedPlugin]]) -> CheckedPlugin:
    whose = [f"{name}, which {owner.status.kind}.{owner.status.name} declares too" for name, owner in taken]
    status = one.status
    remedy = f'take "{status.name}" out of plugins.{status.kind}, or ask {status.distribution} for other names'

    return replace(one, status=_failed(status, "BW1309", f"it declares {'; '.join(whose)}", remedy))


def _failed(row: PluginStatus, code: str, cause: str, remedy: str) -> PluginStatus:
    return replace(row, state="failed", code=code, cause=cause, remedy=remedy)
