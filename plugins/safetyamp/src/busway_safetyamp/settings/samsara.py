"""Settings of the fleet: Samsara."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from busway.contracts.settings import Secret, Settings, setting
from busway_safetyamp.settings.checks import address, parts, pattern

__all__ = ["SamsaraSettings"]


class SamsaraSettings(Settings):
    """Which organisation's vehicles and drivers are read, how often, and how a driver is an employee."""

    samsara_key: Secret | None = setting(
        None, env="SAMSARA_API_KEY", doc="API token of Samsara with the scopes Read Vehicles and Read Drivers."
    )
    samsara_domain: str = setting(
        "https://api.samsara.com",
        env="SAMSARA_DOMAIN",
        doc="Address of the API: https, or http on this machine (the sandbox).",
    )
    samsara_page_size: int = setting(512, env="SAMSARA_PAGE_SIZE", ge=1, le=512, doc="Records per page of a read.")
    samsara_rate_limit_calls: int = setting(
        25,
        env="SAMSARA_RATE_LIMIT_CALLS",
        ge=0,
        doc="Calls allowed per period, for all processes together; 0 lifts the limit. Some contracts allow fewer.",
    )
    samsara_rate_limit_period: float = setting(
        1.0, env="SAMSARA_RATE_LIMIT_PERIOD", gt=0, allow_inf_nan=False, doc="Length of that period in seconds."
    )
    samsara_tag_ids: list[str] = setting(
        [], env="SAMSARA_TAG_IDS", doc="Only vehicles and drivers with one of these tags, separated by commas."
    )
    samsara_parent_tag_ids: list[str] = setting(
        [], env="SAMSARA_PARENT_TAG_IDS", doc="Only those with a tag below one of these, separated by commas."
    )
    samsara_number_key: str = setting(
        "",
        env="SAMSARA_NUMBER_KEY",
        doc="Key of a driver's external ids that holds the employee number; empty = the notes are searched.",
    )
    samsara_number_pattern: str = setting(
        r"\d{4,}",
        env="SAMSARA_NUMBER_PATTERN",
        doc="Regular expression that finds the employee number in a driver's notes.",
    )

    @field_validator("samsara_domain")
    @classmethod
    def _samsara_domain(cls, value: str) -> str:
        return address(value, "https://api.samsara.com")

    @field_validator("samsara_tag_ids", "samsara_parent_tag_ids", mode="before")
    @classmethod
    def _tags(cls, value: Any) -> Any:
        return parts(value)

    @field_validator("samsara_number_pattern")
    @classmethod
    def _pattern(cls, value: str) -> str:
        return pattern(value)
