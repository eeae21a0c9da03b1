"""Health checks: does each side answer as it should, and does the vendor know who asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from busway.contracts.clock import Clock
from busway.contracts.health import HealthCheck, HealthResult
from busway.contracts.plugins import PluginContext
from busway.contracts.stopping import stoppable
from busway.errors import BuswayError, StoppedError
from busway_safetyamp.clients import Manner
from busway_safetyamp.connections import Connections
from busway_safetyamp.remembered import Remembered
from busway_safetyamp.settings import DEFAULT_USER_AGENT, SafetyAmpSettings

__all__ = ["health_checks"]

MANNER = Manner(attempts=1, retry_seconds=0.0, read_seconds=3.5, attempt_seconds=3.5)
"""Once, and within the 5 s after which the core gives a check up."""
TURN_SECONDS = 1.0
"""How long a check waits for its turn in a quota."""


def health_checks(context: PluginContext[SafetyAmpSettings]) -> Sequence[HealthCheck]:
    """The checks of this integration: those of the remotes that the deployment uses.

    Each asserts that the answer has its shape, not only that there is one, and is asked at most every
    ``SAFETYAMP_HEALTH_SECONDS``. Calls come out of the quota's share for the console; when it has no turn the check
    says so and asks nothing.
    """
    settings = context.settings
    checks = _Checks(context)
    remotes: dict[str, Callable[[], HealthResult]] = {"api": checks.api, "vista": checks.vista}
    if settings.enrichment != "off":
        remotes["graph"] = checks.graph
    if settings.samsara_key is not None:
        remotes["samsara"] = checks.samsara
    clock, seconds = context.clock, settings.health_seconds
    remembered = {name: Remembered(_told(ask, clock), seconds, clock) for name, ask in remotes.items()}
    return (
        HealthCheck("safetyamp.user_agent", lambda: _user_agent(settings)),
        HealthCheck("safetyamp.vista_address", _told(checks.vista_address, clock)),
        *(HealthCheck(f"safetyamp.{name}", ask, online=True) for name, ask in remembered.items()),
    )


class _Checks:
    """Asks each remote one small question."""

    def __init__(self, context: PluginContext[SafetyAmpSettings]) -> None:
        self._settings = context.settings
        self._remotes = Connections(context, MANNER)
        self._shared = Connections.of(context)

    def api(self) -> HealthResult:
        role = self._remotes.safetyamp.probe()
        return HealthResult("ok", f"{self._settings.domain} accepts the key, and has a role {role}")

    def vista_address(self) -> HealthResult:
        self._shared.vista.expect_address()
        return HealthResult("ok", "a database is named, and its driver is there")

    def vista(self) -> HealthResult:
        people = self._shared.vista.check()
        companies = ", ".join(map(str, self._settings.vista_companies))
        if people:
            return HealthResult("ok", f"every table is there; {people:,} active people in company {companies}")
        why = f"every table is there, and nobody is active in company {companies}"
        return HealthResult("degraded", why, "busway config explain VISTA_COMPANIES")

    def graph(self) -> HealthResult:
        where = self._settings.graph_domain
        if self._remotes.graph.probe():
            return HealthResult("ok", f"{where} lets the application read users")
        why = f"{where} answers, and the tenant has no enabled user"
        return HealthResult("degraded", why, "busway config explain MS_GRAPH_TENANT_ID")

    def samsara(self) -> HealthResult:
        where = self._settings.samsara_domain
        vehicles, drivers = self._remotes.samsara.probe()
        if vehicles and drivers:
            return HealthResult("ok", f"{where} lets the token read vehicles and drivers")
        why = f"{where} accepts the token, and shows it no {'drivers' if vehicles else 'vehicles'}"
        return HealthResult("degraded", why, "busway config explain SAMSARA_TAG_IDS")


class _Soon:
    """The wish to stop, when a second is over: a check waits no longer for its turn."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = clock.monotonic() + TURN_SECONDS

    def requested(self) -> bool:
        return self._clock.monotonic() >= self._until


def _told(ask: Callable[[], HealthResult], clock: Clock) -> Callable[[], HealthResult]:
    """``ask``, with what it raises told as a result."""

    def answer() -> HealthResult:
        try:
            with stoppable(_Soon(clock)):
                return ask()
        except StoppedError as error:
            return HealthResult("degraded", f"not asked: {error.problem.where} has no call free", "ask again later")
        except BuswayError as error:
            return HealthResult(
                "failed", f"{error.code}: {error.problem.what} ({error.problem.why})", error.problem.fix
            )

    return answer


def _user_agent(settings: SafetyAmpSettings) -> HealthResult:
    if settings.user_agent == DEFAULT_USER_AGENT:
        return HealthResult(
            "degraded",
            "SafetyAmp asks every organisation to name itself, and the default name is in use",
            "set SAFETYAMP_USER_AGENT to something like Acme/1.0",
        )
    return HealthResult("ok", f"calls are made as {settings.user_agent}")
