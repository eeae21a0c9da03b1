"""The rules that records must meet before they may be written to SafetyAmp. Pure; nothing is ever invented."""

from __future__ import annotations

from busway_safetyamp.validators.employee import EmployeeValidator
from busway_safetyamp.validators.site import SiteValidator
from busway_safetyamp.validators.title import TitleValidator
from busway_safetyamp.validators.vehicle import VehicleValidator

__all__ = ["EmployeeValidator", "SiteValidator", "TitleValidator", "VehicleValidator"]
