"""Settings of the source: the Vista database."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, field_validator

from busway.contracts.settings import Secret, Settings, setting
from busway_safetyamp.settings.checks import NONE, column, parts

__all__ = ["AUTO", "VistaSettings"]

AUTO = "auto"


class VistaSettings(Settings):
    """Where Vista is, and what is read from it."""

    vista_url: Secret | None = setting(
        None,
        env="VISTA_URL",
        doc="SQLAlchemy URL of the Vista database; a secret, because it may hold a password. Without it the SQL_* "
        "settings name the server. A relative SQLite file is relative to the folder of busway.toml.",
    )
    vista_companies: list[Annotated[int, Field(ge=1, le=255)]] = setting(
        env="VISTA_COMPANIES", min_length=1, doc="Companies (PRCo, JCCo) to read, separated by commas."
    )
    vista_table_prefix: str = setting(
        AUTO,
        env="VISTA_TABLE_PREFIX",
        doc="Put before table names: b reads bPREH; none reads the view PREH, to which Vista's data security applies; "
        "auto takes each view that the login may see, and the table where it sees none.",
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
        doc="Column of PREH with the mobile phone; none leaves mobile phones alone. They must be unique in SafetyAmp.",
    )
    work_phone_column: str = setting(
        NONE,
        env="VISTA_WORK_PHONE_COLUMN",
        validate_default=True,
        doc="Column of PREH with the work phone; none leaves work phones alone.",
    )

    @field_validator("vista_companies", mode="before")
    @classmethod
    def _companies(cls, value: Any) -> Any:
        return parts(value)

    @field_validator("vista_table_prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        if value.lower() in ("", NONE):
            return ""
        if not re.fullmatch(r"\w{1,30}", value):
            raise ValueError(f"what table names begin with, such as b; or {NONE}, or {AUTO}")
        return value

    @field_validator("mobile_phone_column", "work_phone_column")
    @classmethod
    def _column(cls, value: str) -> str:
        return column(value)
