"""Health checks: does each side answer, and does the vendor know who asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from busway.contracts.health import HealthCheck, HealthResult
from busway.contracts.plugins import PluginContext
from busway.errors import BuswayError
from busway_safetyamp.connections import Connections
from busway_safetyamp.settings import DEFAULT_USER_AGENT, SafetyAmpSettings

__all__ = ["health_checks"]

ANSWER_TIMEOUT = 4.0
"""Seconds; below the 5 s after which the core gives a check up."""


def health_checks(context: PluginContext[SafetyAmpSettings]) -> Sequence[HealthCheck]:
    """The checks of this integration."""
    return (
        HealthCheck("safetyamp.user_agent", lambda: _user_agent(context.settings)),
        HealthCheck("safetyamp.api", lambda: _api(context), online=True),
        HealthCheck("safetyamp.vista", lambda: _vista(context), online=True),
    )


def _user_agent(settings: SafetyAmpSettings) -> HealthResult:
    if settings.user_agent == DEFAULT_USER_AGENT:
        return HealthResult(
            "degraded",
            "SafetyAmp asks every organisation to name itself, and the default name is in use",
            "set SAFETYAMP_USER_AGENT to something like Acme/1.0",
        )
    return HealthResult("ok", f"calls are made as {settings.user_agent}")


def _api(context: PluginContext[SafetyAmpSettings]) -> HealthResult:
    import httpx

    from busway_safetyamp.http import SafetyAmpHttp
    from busway_safetyamp.limiter import Limiter

    http = SafetyAmpHttp(
        context.settings,
        limiter=Limiter(0, 1.0, context.clock),
        clock=context.clock,
        transport=cast("httpx.BaseTransport | None", context.doubles.get("http_transport")),
        attempts=1,
        read_timeout=ANSWER_TIMEOUT,
    )
    try:
        http.get("/api/roles", {"page": 0, "limit": 1})
    except BuswayError as error:
        return _failed(error)
    finally:
        http.close()
    return HealthResult("ok", f"{context.settings.domain} accepts the key")


def _vista(context: PluginContext[SafetyAmpSettings]) -> HealthResult:
    connections = Connections(context)
    try:
        connections.vista.ping()
    except BuswayError as error:
        return _failed(error)
    finally:
        connections.close()
    return HealthResult("ok", "the database answers")


def _failed(error: BuswayError) -> HealthResult:
    return HealthResult("failed", f"{error.code}: {error.problem.what} ({error.problem.why})", error.problem.fix)
