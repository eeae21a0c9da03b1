"""Health checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from busway.contracts.health import HealthCheck, HealthResult
from busway.contracts.secrets import SecretSource
from busway.errors import BuswayError

__all__ = ["checks"]

PROBE = "BUSWAY_HEALTH_PROBE"
"""A name nobody uses: "not found", said as a vault says it, is the answer of a vault that works and lets us read."""
_PASSING = frozenset({"BW1408"})
"""What passes by itself: the vault is there, and asks us to wait."""


def checks(build: Callable[[], SecretSource]) -> Sequence[HealthCheck]:
    """The checks of the Key Vault source; ``build`` makes one of its own, so that none in use is disturbed."""
    return (HealthCheck("keyvault.read", lambda: _read(build), online=True),)


def _read(build: Callable[[], SecretSource]) -> HealthResult:
    try:
        source = build()
        try:
            # 404 counts only with the vault's own body: the source refuses one that a proxy could have written.
            source.fetch(PROBE)
        finally:
            source.close()
    except BuswayError as error:
        problem = error.problem
        told = f"{problem.code}: {problem.what}: {problem.why}"
        return HealthResult("degraded" if problem.code in _PASSING else "failed", told, problem.fix)
    return HealthResult("ok", f"{source.locate(PROBE).split()[0]} answers and lets us read")
