"""Health checks."""

from __future__ import annotations

from collections.abc import Sequence

from busway.contracts.health import HealthCheck, HealthResult
from busway.errors import BuswayError
from busway_sink_webhook.backend import resolve
from busway_sink_webhook.guard import AddressGuard
from busway_sink_webhook.settings import WebhookSettings
from busway_sink_webhook.signing import Signer
from busway_sink_webhook.target import target_of

__all__ = ["checks"]


def checks(settings: WebhookSettings) -> Sequence[HealthCheck]:
    """The checks of the webhook sink."""
    return (HealthCheck("webhook.address", lambda: _address(settings), online=True),)


def _address(settings: WebhookSettings) -> HealthResult:
    guard = AddressGuard(settings.allow_networks)
    try:
        target = target_of(settings.url.get_secret_value(), guard)
        if settings.secret is not None:
            Signer(settings.secret.get_secret_value())
        guard.check(target.host, resolve(target.host, target.port or 443))
    except BuswayError as error:
        problem = error.problem
        return HealthResult("failed", f"{problem.code}: {problem.what}: {problem.why}", problem.fix)
    except (OSError, UnicodeError):
        return HealthResult("failed", "the host of WEBHOOK_URL cannot be resolved", "check the name and the DNS server")
    signed = "signed" if settings.secret is not None else "not signed (WEBHOOK_SECRET is not set)"
    return HealthResult("ok", f"{target.host} may be posted to; requests are {signed}")
