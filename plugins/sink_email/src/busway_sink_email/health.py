"""Health checks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from busway.contracts.health import HealthCheck, HealthResult
from busway.errors import BuswayError
from busway_sink_email.connection import MailConnection
from busway_sink_email.settings import EmailSettings

__all__ = ["checks"]


def checks(settings: EmailSettings, root: Path) -> Sequence[HealthCheck]:
    """The checks of the email sink."""
    return (HealthCheck("email.server", lambda: _server(settings, root), online=True),)


def _server(settings: EmailSettings, root: Path) -> HealthResult:
    try:
        connection = MailConnection(settings, root)
        try:
            connection.check()
        finally:
            connection.close()
    except BuswayError as error:
        problem = error.problem
        return HealthResult("failed", f"{problem.code}: {problem.what}: {problem.why}", problem.fix)
    return HealthResult("ok", f"{settings.server}:{settings.port} takes mail ({settings.tls})")
