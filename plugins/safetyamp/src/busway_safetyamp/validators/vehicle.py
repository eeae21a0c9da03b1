"""The rules for a vehicle, which is an asset of SafetyAmp."""

from __future__ import annotations

from busway.contracts.records import Record
from busway.contracts.validators import Validation
from busway_safetyamp import normalise
from busway_safetyamp.validators.rules import OptionalRule, drop_audit_fields, missing, normalise_optional, tidy_texts
from busway_safetyamp.vin import has_check_digit

__all__ = ["VehicleValidator"]

REQUIRED = ("name", "code", "site_id", "asset_type_id")
TEXTS = ("name", "code", "description", "model", "serial")
OPTIONAL: dict[str, OptionalRule] = {
    "vin": (normalise.vin, "not a vehicle identification number"),
    "year": (normalise.year, "not a year"),
    "status": (normalise.flag, "neither 0 nor 1"),
}


class VehicleValidator:
    """Normalises a vehicle in SafetyAmp's shape.

    Its name, code, site and type are required: an earlier integration made them up from the last digits of an id, and
    two vehicles got the same. A number that is no vehicle's is left out with a warning; a check digit that is wrong is
    only told, because vehicles from elsewhere have none.
    """

    entity = "vehicle"

    def validate(self, record: Record) -> Validation:
        """Judges ``record`` and returns a normalised copy."""
        clean = dict(record)
        tidy_texts(clean, TEXTS)
        warnings = [*drop_audit_fields(clean), *normalise_optional(clean, OPTIONAL)]
        if clean.get("vin") and not has_check_digit(clean["vin"]):
            warnings.append("vin: its check digit does not fit")
        return Validation(clean, tuple(missing(clean, REQUIRED)), tuple(warnings))
