"""Health checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from busway.contracts.health import HealthCheck, HealthResult
from busway.contracts.secrets import SecretSource
from busway.errors import BuswayError

__all__ = ["checks"]

PROBE = "BUSWAY_HEALTH_PROBE"
"""A name nobody uses: "not found" is the answer of a vault that works and lets us read."""


def checks(build: Callable[[], SecretSource]) -> Sequence[HealthCheck]:
    """The checks of the Key Vault source; ``build`` makes one of its own, so that none in use is disturbed."""
    return (HealthCheck("keyvault.read", lambda: _read(build), online=True),)


def _read(build: Callable[[], SecretSource]) -> HealthResult:
    try:
        source = build()
        try:
            source.fetch(PROBE)
        finally:
            source.close()
    except BuswayError as error:
        problem = error.problem
        return HealthResult("failed", f"{problem.code}: {problem.what}: {problem.why}", problem.fix)
    return HealthResult("ok", f"{source.locate(PROBE).split()[0]} answers and lets us read")
