"""Settings of the SafetyAmp account and of the calls to it."""

from __future__ import annotations

from pydantic import field_validator

from busway.contracts.settings import Secret, Settings, setting
from busway_safetyamp import __version__
from busway_safetyamp.settings.checks import address

__all__ = ["DEFAULT_USER_AGENT", "SMALLEST_PAGE", "ApiSettings"]

DEFAULT_USER_AGENT = f"Busway/{__version__}"
SMALLEST_PAGE = 25
"""The API's own default for a page, and the one size it is known to serve whole."""


class ApiSettings(Settings):
    """Where SafetyAmp is, who calls it, and how often."""

    token: Secret = setting(env="SAFETYAMP_TOKEN", doc="The API key of the SafetyAmp account.")
    fqdn: str = setting(
        env="SAFETYAMP_FQDN",
        pattern=r"^[\x21-\x7e]+$",
        doc="The account's own host, such as your_subdomain.safetyamp.com; sent with every request.",
    )
    domain: str = setting(
        "https://api.safetyamp.com",
        env="SAFETYAMP_DOMAIN",
        doc="Address of the API: https, or http on this machine (the sandbox).",
    )
    user_agent: str = setting(
        DEFAULT_USER_AGENT,
        env="SAFETYAMP_USER_AGENT",
        pattern=r"^[\x21-\x2e\x30-\x7e]+/[\x20-\x7e]+$",
        doc="How SafetyAmp recognises your organisation, in the form Org/1.0. The vendor asks for one: set your own.",
    )
    page_size: int = setting(
        SMALLEST_PAGE,
        env="SAFETYAMP_PAGE_SIZE",
        ge=1,
        le=1000,
        doc="Records per page of a read. Larger pages save calls; `busway safetyamp page-size` finds the largest.",
    )
    confirm_last_page: bool = setting(
        True,
        env="SAFETYAMP_CONFIRM_LAST_PAGE",
        doc="Whether a list ends only when the page after the last is empty; costs one call for each list.",
    )
    rate_limit_calls: int = setting(
        60,
        env="SAFETYAMP_RATE_LIMIT_CALLS",
        ge=0,
        doc="Calls allowed per period, for all processes together; 0 lifts the limit.",
    )
    rate_limit_period: float = setting(
        61.0,
        env="SAFETYAMP_RATE_LIMIT_PERIOD",
        gt=0,
        allow_inf_nan=False,
        doc="Length of that period in seconds: a second longer than the vendor's, because calls do not all take the "
        "same time to arrive.",
    )
    retry_budget_seconds: float = setting(
        300.0,
        env="SAFETYAMP_RETRY_BUDGET_SECONDS",
        ge=0,
        allow_inf_nan=False,
        doc="Longest time one read of any of the clients may spend on retries, in seconds; for writes there is "
        "[sync.JOB] retry_budget_seconds.",
    )
    health_seconds: float = setting(
        300.0,
        env="SAFETYAMP_HEALTH_SECONDS",
        ge=0,
        allow_inf_nan=False,
        doc="How long a process uses the answer of a health check before it asks the remote again, in seconds.",
    )
    ca_file: str = setting(
        "",
        env="SAFETYAMP_CA_FILE",
        doc="PEM file with authorities to trust beside the public ones, for all HTTPS of this plugin: "
        "those of a proxy that signs anew, or of the sandbox.",
    )

    @field_validator("domain")
    @classmethod
    def _api_domain(cls, value: str) -> str:
        return address(value, "https://api.safetyamp.com")
