"""Health checks of plugins: collected without letting one plugin spoil the list, run with a time-out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from busway.contracts.health import HealthCheck, HealthResult
from busway.plugins.faults import describe
from busway.plugins.kind_host import KindHost, LoadedPlugin, MakeContext
from busway.plugins.worker import OverdueError, call_with_timeout

__all__ = ["CHECK_SECONDS", "collect_checks", "run_check"]

HOOK = "busway_health_checks"
CHECK_SECONDS = 5.0
STATUSES = ("ok", "degraded", "failed")


def collect_checks(kinds: Iterable[KindHost], make_context: MakeContext) -> list[tuple[LoadedPlugin, HealthCheck]]:
    """The checks of each loaded plugin; a module that serves two kinds is asked once."""
    found: list[tuple[LoadedPlugin, HealthCheck]] = []
    asked: set[int] = set()
    for kind in kinds:
        for plugin in kind.loaded():
            if id(plugin.module) not in asked and kind.manager.has_hook(HOOK, plugin.module):
                asked.add(id(plugin.module))
                found += [(plugin, check) for check in _ask(kind, plugin, make_context)]
    return found


def run_check(
    check: HealthCheck, seconds: float = CHECK_SECONDS, *, redact: Callable[[str], str] = str
) -> HealthResult:
    """The answer of `check`; one that raises, hangs or answers nonsense has failed.

    :param redact: applied to every text of the answer, which goes to terminals and logs.
    """
    try:
        result = call_with_timeout(check.run, seconds, label=f"busway-check-{check.name}")
    except OverdueError as error:
        return HealthResult("failed", f"{check.name}: {error}", "see whether what it asks is reachable")
    except Exception as error:
        return HealthResult("failed", redact(f"{check.name} raised {describe(error)}"))
    if not isinstance(result, HealthResult):
        return HealthResult("failed", f"{check.name} returned {type(result).__qualname__}, not a HealthResult")
    if result.status not in STATUSES:
        return HealthResult("failed", f"{check.name} answered a status that is not one of {', '.join(STATUSES)}")
    return HealthResult(result.status, redact(str(result.detail)), redact(str(result.fix)))


def _ask(kind: KindHost, plugin: LoadedPlugin, make_context: MakeContext) -> Sequence[HealthCheck]:
    try:
        answer = kind.call(HOOK, plugin, context=make_context(plugin, kind.model_of(plugin)))
    except Exception as error:
        return [_spoilt(plugin, kind.redact(f"{HOOK}() raised {describe(error)}"))]
    if isinstance(answer, Sequence) and all(isinstance(each, HealthCheck) for each in answer):
        return answer
    return [_spoilt(plugin, f"{HOOK}() returned {type(answer).__qualname__}, not a list of HealthCheck")]


def _spoilt(plugin: LoadedPlugin, cause: str) -> HealthCheck:
    """A check that reports the plugin whose checks could not be had."""
    detail = f"{plugin.distribution} {plugin.version} ({plugin.entry_point}): {cause}"
    result = HealthResult("failed", detail, f"pip install -U {plugin.distribution}")
    return HealthCheck(f"{plugin.name}.health_checks", partial(_constant, result))


def _constant(result: HealthResult) -> HealthResult:
    return result
