"""The organisation's account: its token, its quota, and how errors speak of it."""

from __future__ import annotations

from urllib.parse import urlsplit

from busway.contracts.coordination import Quota
from busway.contracts.limits import Limiters
from busway.contracts.settings import Secret
from busway.errors import ConfigurationError
from busway_safetyamp.remote.keys import fingerprint
from busway_safetyamp.remote.service import Service
from busway_safetyamp.remote.turns import SHARES, Turns
from busway_safetyamp.settings.samsara import SamsaraSettings

__all__ = ["samsara_key", "samsara_service", "samsara_turns"]


def samsara_service(settings: SamsaraSettings) -> Service:
    """Samsara as errors speak of it."""
    return Service(
        name="Samsara",
        address=settings.samsara_domain,
        address_setting="SAMSARA_DOMAIN",
        key_code="BW5011",
        key_refused="Samsara refused the API token",
        key_fix="check SAMSARA_API_KEY and its scopes, Read Vehicles and Read Drivers: busway explain BW5011",
        quota_fix="run again later; if another program uses the same token, lower SAMSARA_RATE_LIMIT_CALLS",
    )


def samsara_key(settings: SamsaraSettings) -> Secret:
    """The token. Raises ``ConfigurationError`` BW5014 where there is none."""
    if settings.samsara_key is None:
        raise ConfigurationError(
            "BW5014",
            "the fleet cannot be read without its settings",
            where="SAMSARA_API_KEY",
            why="it is not set",
            fix="make a token with the scopes Read Vehicles and Read Drivers, and set it",
        )
    return settings.samsara_key


def samsara_turns(settings: SamsaraSettings, limiters: Limiters) -> Turns:
    """Turns out of the organisation's quota: one for each host and token, shared by every process."""
    host = urlsplit(settings.samsara_domain).netloc

    def quota() -> Quota:
        name = f"samsara {host} {fingerprint(samsara_key(settings))}"
        return Quota(name, settings.samsara_rate_limit_calls, settings.samsara_rate_limit_period, SHARES)

    return Turns(limiters, quota if settings.samsara_rate_limit_calls else None)
