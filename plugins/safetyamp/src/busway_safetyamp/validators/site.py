"""The rules for a site, which a job becomes in SafetyAmp."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from busway.contracts.records import Record
from busway.contracts.validators import Validation
from busway_safetyamp import normalise
from busway_safetyamp.sites import CODE_FIELDS
from busway_safetyamp.validators.rules import OptionalRule, drop_audit_fields, missing, normalise_optional, tidy_texts

__all__ = ["SiteValidator"]

REQUIRED = ("name", "cluster_id")
TEXTS = ("name", *CODE_FIELDS, "street", "street2", "city")


def _zone(value: Any) -> str | None:
    name = normalise.collapse_blanks(value)
    try:
        return ZoneInfo(name).key
    except (KeyError, OSError, ValueError):
        return None


OPTIONAL: dict[str, OptionalRule] = {
    "zip_code": (normalise.zip_code, "neither 5 nor 5+4 digits"),
    "state": (normalise.state, "not two letters"),
    "country": (normalise.country, "not two letters"),
    "timezone": (_zone, "not a time zone"),
}


class SiteValidator:
    """Normalises a site in SafetyAmp's shape.

    Its name and cluster are required. The code keeps the dot that job codes end in. An address that is not known stays
    unknown: nothing is put in the place of a street, a city or a zip code.
    """

    entity = "site"

    def validate(self, record: Record) -> Validation:
        """Judges ``record`` and returns a normalised copy."""
        clean = dict(record)
        tidy_texts(clean, TEXTS)
        warnings = [*drop_audit_fields(clean), *normalise_optional(clean, OPTIONAL)]
        return Validation(clean, tuple(missing(clean, REQUIRED)), tuple(warnings))
