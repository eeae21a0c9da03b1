"""The kinds of jobs, in the order in which they run."""

from __future__ import annotations

from busway_safetyamp.jobs.departments import Departments
from busway_safetyamp.jobs.employees import Employees
from busway_safetyamp.jobs.sites import Sites
from busway_safetyamp.jobs.titles import Titles
from busway_safetyamp.jobs.vehicles import Vehicles

__all__ = ["KINDS"]

KINDS = (Departments, Titles, Sites, Employees, Vehicles)
"""Each with its ``name``, its ``mapping`` and its match keys."""
