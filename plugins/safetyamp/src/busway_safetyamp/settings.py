"""What can be configured for the SafetyAmp integration."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from busway.contracts.settings import Secret, Settings, setting
from busway_safetyamp import __version__

__all__ = ["DEFAULT_USER_AGENT", "SafetyAmpSettings", "is_loopback"]

DEFAULT_USER_AGENT = f"Busway/{__version__}"
_COLUMN = r"^([A-Za-z_]\w*)?$"
_HEADER_TEXT = r"^[\x21-\x7e]+$"


class SafetyAmpSettings(Settings):
    """Where SafetyAmp and Vista are, and the decisions that only the deployment can take.

    What depends on the company (its role, country, time zone, companies) has no default: a silent one would write
    somebody else's choice into people's records.
    """

    token: Secret = setting(env="SAFETYAMP_TOKEN", doc="The API key of the SafetyAmp account.")
    fqdn: str = setting(
        env="SAFETYAMP_FQDN",
        pattern=_HEADER_TEXT,
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
    page_size: int = setting(25, env="SAFETYAMP_PAGE_SIZE", ge=1, le=1000, doc="Records per page of a read.")
    rate_limit_calls: int = setting(
        60, env="SAFETYAMP_RATE_LIMIT_CALLS", ge=0, doc="Calls allowed per period; 0 lifts the limit."
    )
    rate_limit_period: float = setting(
        61.0, env="SAFETYAMP_RATE_LIMIT_PERIOD", gt=0, doc="Length of that period in seconds."
    )
    retry_budget_seconds: float = setting(
        300.0, env="SAFETYAMP_RETRY_BUDGET_SECONDS", ge=0, doc="Longest time one call may spend on retries, in seconds."
    )

    vista_url: Secret = setting(
        env="VISTA_URL",
        doc="SQLAlchemy URL of the Vista database; a secret, because it may hold a password. "
        "A relative SQLite file is relative to the folder of busway.toml.",
    )
    vista_companies: list[Annotated[int, Field(ge=1, le=255)]] = setting(
        env="VISTA_COMPANIES", min_length=1, doc="Payroll companies (PRCo) to read, separated by commas."
    )
    vista_table_prefix: str = setting(
        "b",
        env="VISTA_TABLE_PREFIX",
        pattern=r"^\w*$",
        doc="Put before table names: b reads bPREH; empty reads the view PREH, to which Vista's data security applies.",
    )
    vista_job_window_days: int = setting(
        180, env="VISTA_JOB_WINDOW_DAYS", ge=1, doc="How many days back a person's most recent job may lie."
    )
    vista_hire_lead_days: int = setting(
        0, env="VISTA_HIRE_LEAD_DAYS", ge=0, doc="How many days before the hire date a person is taken over."
    )
    mobile_phone_column: str = setting(
        "CellPhone",
        env="VISTA_MOBILE_PHONE_COLUMN",
        pattern=_COLUMN,
        doc="Column of PREH with the mobile phone; empty leaves mobile phones alone. They must be unique in SafetyAmp.",
    )
    work_phone_column: str = setting(
        "",
        env="VISTA_WORK_PHONE_COLUMN",
        pattern=_COLUMN,
        doc="Column of PREH with the work phone; empty leaves work phones alone.",
    )

    role: str = setting(env="SAFETYAMP_ROLE", min_length=1, doc="Name of the SafetyAmp role that new users get.")
    country: str = setting(
        env="SAFETYAMP_COUNTRY", pattern=r"^[A-Z]{2}$", doc="Country of every user: two capital letters, such as US."
    )
    timezone: str = setting(
        env="SAFETYAMP_TIMEZONE",
        doc="IANA time zone of new users, such as America/Chicago; hire and leave dates are days of this zone.",
    )
    office_suffix: str = setting(
        " Office",
        env="SAFETYAMP_OFFICE_SUFFIX",
        min_length=1,
        doc="A site whose name ends like this is the office of its region: the home of people without a recent job.",
    )
    site_code_field: Literal["ext_id", "external_code"] = setting(
        "ext_id", env="SAFETYAMP_SITE_CODE_FIELD", doc="Field of a site that holds its code; accounts differ."
    )
    text_opt_out: bool = setting(
        True, env="SAFETYAMP_TEXT_OPT_OUT", doc="Whether new users start without text messages."
    )
    manage_system_access: Literal["lifecycle", "create_only"] = setting(
        "lifecycle",
        env="SAFETYAMP_MANAGE_SYSTEM_ACCESS",
        doc="lifecycle: people who leave lose access, and get it again when they return. "
        "create_only: access is given to new users and never touched again.",
    )
    adopt_by_email: bool = setting(
        False,
        env="SAFETYAMP_ADOPT_BY_EMAIL",
        doc="Whether a user without an employee number is taken over when the e-mail address agrees.",
    )

    @field_validator("vista_companies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("domain")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError("an address such as https://api.safetyamp.com, without user, password or query")
        if parts.scheme == "http" and not is_loopback(value):
            raise ValueError("http would send the key in the clear: use https (http works on this machine only)")
        return value.rstrip("/")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, OSError, ValueError) as error:
            raise ValueError("not an IANA time zone known to this machine, such as America/Chicago") from error
        return value


def is_loopback(address: str) -> bool:
    """Whether ``address`` (a URL) is on this machine."""
    host = urlsplit(address).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
