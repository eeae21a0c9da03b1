"""Settings of the mapping: the decisions that only the deployment can take."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ValidationInfo, field_validator

from busway.contracts.settings import Settings, setting
from busway_safetyamp.settings.checks import mapped, matching, parts, template, zone

__all__ = ["MappingSettings", "enrichment_fits"]


class MappingSettings(Settings):
    """What depends on the company has no default, or an empty one that makes a job skip records or refuse to run.

    A silent one would write somebody else's choice into people's records.
    """

    role: str = setting(env="SAFETYAMP_ROLE", min_length=1, doc="Name of the SafetyAmp role that new users get.")
    country: str = setting(
        env="SAFETYAMP_COUNTRY", pattern=r"^[A-Z]{2}$", doc="Country of every user: two capital letters, such as US."
    )
    timezone: str = setting(
        env="SAFETYAMP_TIMEZONE",
        doc="IANA time zone of new users, such as America/Chicago; hire and leave dates are days of this zone.",
    )
    state_timezones: list[str] = setting(
        [],
        env="SAFETYAMP_STATE_TIMEZONES",
        doc="Time zones of sites by state where they differ from that one, such as CO=America/Denver, "
        "separated by commas.",
    )
    root_cluster: str = setting(
        "",
        env="SAFETYAMP_ROOT_CLUSTER",
        doc="Name or id of the cluster that regions hang under; it must exist, and the job departments needs it.",
    )
    department_map: list[str] = setting(
        [],
        env="SAFETYAMP_DEPARTMENT_MAP",
        doc="Payroll department for each job-cost department with another code, such as 10=210, separated by commas.",
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
    vehicle_site_types: list[str] = setting(
        [],
        env="SAFETYAMP_VEHICLE_SITE_TYPES",
        doc="Asset types for vehicles, as pairs of site id and asset type id, such as 12:3, separated by commas. The "
        "first is where vehicles go that have no driver's home; without one they are skipped.",
    )
    vehicle_type_word: str = setting(
        "vehicle",
        env="SAFETYAMP_VEHICLE_TYPE_WORD",
        min_length=1,
        doc="An asset type whose name has this word, in any case, is one for vehicles: where a driver's home site has "
        "one, the vehicle goes there.",
    )
    vehicle_description: str = setting(
        "",
        env="SAFETYAMP_VEHICLE_DESCRIPTION",
        doc="Template of a vehicle's description, such as {year} {make} {model}, also with {name} and {vin}; empty "
        "takes its notes.",
    )
    phone_country_code: str = setting(
        "1",
        env="SAFETYAMP_PHONE_COUNTRY_CODE",
        pattern=r"^[1-9]\d{0,2}$",
        doc="Calling code of telephone numbers written without one; with 1 they must be North American.",
    )
    gender_words: list[str] = setting(
        [],
        env="SAFETYAMP_GENDER_WORDS",
        doc="Further words for a gender beside M, F, male and female: =1 or =0, such as mann=1,frau=0.",
    )
    enrichment: Literal["required", "optional", "off"] = setting(
        env="SAFETYAMP_ENRICHMENT",
        doc="What the directory decides. required: people get its e-mail address, and without an answer nothing is "
        "written. optional: without an answer addresses stay as they are. off: the address is Vista's.",
    )

    def timezone_of(self, state: str | None) -> str:
        """The time zone of a site in ``state`` (two letters)."""
        return mapped(self.state_timezones).get(state or "", self.timezone)

    def payroll_department(self, code: str) -> str:
        """The payroll department that a job-cost department stands for."""
        return mapped(self.department_map).get(code, code)

    def genders(self) -> dict[str, int]:
        """The further words, in lower case."""
        return {word.lower(): int(value) for word, value in mapped(self.gender_words).items()}

    def vehicle_types(self) -> list[tuple[int, int]]:
        """Site id and asset type id of each pair."""
        return [(int(site), int(kind)) for site, _, kind in (one.partition(":") for one in self.vehicle_site_types)]

    @field_validator("state_timezones", "department_map", "gender_words", "vehicle_site_types", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        return parts(value)

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return zone(value)

    @field_validator("state_timezones")
    @classmethod
    def _zones(cls, value: list[str]) -> list[str]:
        for name in mapped(matching(value, r"[A-Z]{2}=\S+", "CO=America/Denver")).values():
            zone(name)
        return value

    @field_validator("department_map")
    @classmethod
    def _departments(cls, value: list[str]) -> list[str]:
        return matching(value, r"[^=]{1,20}=[^=]{1,20}", "10=210")

    @field_validator("gender_words")
    @classmethod
    def _genders(cls, value: list[str]) -> list[str]:
        return matching(value, r"[^=]{1,40}=[01]", "mann=1")

    @field_validator("vehicle_site_types")
    @classmethod
    def _pairs(cls, value: list[str]) -> list[str]:
        return matching(value, r"[1-9][0-9]*:[1-9][0-9]*", "12:3")

    @field_validator("vehicle_description")
    @classmethod
    def _template(cls, value: str) -> str:
        return template(value, "year", "make", "model", "name", "vin")

    @field_validator("enrichment")
    @classmethod
    def _enrichment(cls, value: str, info: ValidationInfo) -> str:
        return enrichment_fits(value, info.data)


def enrichment_fits(value: str, others: dict[str, Any]) -> str:
    """``value``, when what the directory needs is set. Raises ``ValueError`` naming what is not."""
    needed = {
        "MS_GRAPH_TENANT_ID": "graph_tenant_id",
        "MS_GRAPH_CLIENT_ID": "graph_client_id",
        "MS_GRAPH_CLIENT_SECRET": "graph_client_secret",
    }
    # A field that is not there was refused itself, and is told for that.
    missing = [name for name, field in needed.items() if field in others and not others[field]]
    if value == "off" or not missing:
        return value
    raise ValueError(f"it needs {', '.join(missing)}; without a directory set it to off")
