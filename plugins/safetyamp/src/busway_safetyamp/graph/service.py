"""Microsoft Graph and its sign-in, as errors speak of them."""

from __future__ import annotations

from busway_safetyamp.remote.service import Service
from busway_safetyamp.settings.graph import GraphSettings

__all__ = ["graph_service", "sign_in_service"]

_QUOTA_FIX = "run again later: busway explain BW5103"


def graph_service(settings: GraphSettings) -> Service:
    """The API."""
    return Service(
        name="Microsoft Graph",
        address=settings.graph_domain,
        address_setting="MS_GRAPH_DOMAIN",
        key_code="BW5013",
        key_refused="Microsoft Graph does not let the application read users",
        key_fix="grant it the application permission User.Read.All, with an administrator's consent: "
        "busway explain BW5013",
        quota_fix=_QUOTA_FIX,
    )


def sign_in_service(settings: GraphSettings) -> Service:
    """Where tokens come from."""
    return Service(
        name="Microsoft's sign-in",
        address=settings.graph_authority,
        address_setting="MS_GRAPH_AUTHORITY",
        key_code="BW5012",
        key_refused="Microsoft refused the application's sign-in",
        key_fix="check the three settings: busway explain BW5012",
        quota_fix=_QUOTA_FIX,
    )
