"""SafetyAmp for Busway: departments, jobs, titles, people and vehicles, with a sandbox to try it on.

One module for the kinds ``jobs`` and ``validators``. Importing it loads neither the HTTP nor the SQL library:
each hook imports what it builds, and what it builds connects at first use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from busway.hookspecs import hookimpl

if TYPE_CHECKING:
    from busway.contracts.health import HealthCheck
    from busway.contracts.jobs import Job
    from busway.contracts.plugins import PluginContext
    from busway.contracts.validators import Validator
    from busway_safetyamp.settings import SafetyAmpSettings

__version__ = "0.1.0"


@hookimpl
def busway_settings() -> type[SafetyAmpSettings]:
    """The settings of this integration."""
    from busway_safetyamp.settings import SafetyAmpSettings

    return SafetyAmpSettings


@hookimpl
def busway_jobs(context: PluginContext[SafetyAmpSettings]) -> Sequence[Job]:
    """The five jobs; they share their clients and one database engine. Without a fleet there is no job for vehicles."""
    from busway_safetyamp.connections import Connections
    from busway_safetyamp.jobs.departments import Departments
    from busway_safetyamp.jobs.employees import employees_job
    from busway_safetyamp.jobs.sites import sites_job
    from busway_safetyamp.jobs.titles import Titles
    from busway_safetyamp.jobs.vehicle_links import VehicleLinks
    from busway_safetyamp.jobs.vehicles import Vehicles

    connections, settings = Connections.of(context), context.settings
    jobs = (Departments(connections), Titles(connections), sites_job(connections), employees_job(connections))
    if settings.samsara_key is None:
        return jobs
    links = VehicleLinks(context.state_dir / "safetyamp-vehicles.json", f"{settings.domain} {settings.fqdn}")
    return (*jobs, Vehicles(connections, links))


@hookimpl
def busway_validators(context: PluginContext[SafetyAmpSettings]) -> Sequence[Validator]:
    """The rules for titles, employees, vehicles and sites."""
    from busway_safetyamp.today import today_in
    from busway_safetyamp.validators import EmployeeValidator, SiteValidator, TitleValidator, VehicleValidator

    settings = context.settings
    employee = EmployeeValidator(
        today_in(context.clock, settings.timezone),
        phone_country_code=settings.phone_country_code,
        genders=settings.genders(),
    )
    return (TitleValidator(), employee, VehicleValidator(), SiteValidator())


@hookimpl
def busway_health_checks(context: PluginContext[SafetyAmpSettings]) -> Sequence[HealthCheck]:
    """Whether each remote answers as it should, and whether the vendor can tell whose client this is."""
    from busway_safetyamp.health import health_checks

    return health_checks(context)
