"""Accounts to begin with: the places a company's people belong to, and a few people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from busway.contracts.clock import Clock
from busway.contracts.records import Record
from busway_safetyamp import normalise
from busway_safetyamp.jobs.cluster_tree import DEPARTMENT
from busway_safetyamp.sandbox.company import Company
from busway_safetyamp.sandbox.rows import Row, VistaRows
from busway_safetyamp.sandbox.vista import VistaFile
from busway_safetyamp.sandbox.words import CITIES, COMPANY_NAME, REGIONS
from busway_safetyamp.sandbox.works import OPEN
from busway_safetyamp.sandbox.world import World

__all__ = ["FIELD_ROLE", "add_fleet", "vehicle_site_types", "world_for_company", "world_for_vista"]

FIELD_ROLE = "Field"
"""The role new users get; the setting ``SAFETYAMP_ROLE``."""

_OTHER_ROLES = ("Account Administrator", "Safety Manager")
_NEW_JOBS, _MOVED_JOBS = 5, 6
"""Every fifth job is new, every sixth of the others has moved."""
_MOST_KNOWN = 15
"""People and vehicles to be updated: more, and a first run would be held for updating most of what is there."""
_COUNTRY, _TIMEZONE = "US", "America/Chicago"
_OUTDATED: tuple[Record, ...] = (
    {"street": "1 Former Street", "zip_code": "70001"},
    {"city": "Old Town"},
    {"country": "CA"},
    {"middle_name": "Formerly"},
    {"current_title_id": None},
)
"""What somebody typed in long ago; all of them also lack a telephone and still belong to the region's office."""
_OTHERS: tuple[Record, ...] = (
    {"first_name": "Account", "last_name": "Owner", "email": "owner@bluestem.example.test", "type": 2},
    {"first_name": "Ines", "last_name": "Auditor", "email": "ines@audits.example.test"},
    {"first_name": "Tom", "last_name": "Visitor", "email": "tom@partner.example.test", "emp_id": "EXT-7"},
)
"""People whom Busway does not manage: it must leave them alone."""


def world_for_company(company: Company, *, clock: Clock | None = None) -> World:
    """An account that ``company`` has used for a while.

    It has most of the clusters and sites, some of them out of date, some of the titles, some employees (most with
    fields that are out of date), and a few users who are no employees.
    """
    world = _with_places(_known(company.rows), clock)
    _let_places_age(world)
    for at, title in enumerate(company.titles[::5]):
        # Some differ by case from what Vista holds, and are the same titles all the same.
        world.add("user_titles", {"name": title if at % 3 else title.upper()})
    _add_others(world, _OTHERS)
    _add_employees(world, company)
    return world


def world_for_vista(vista: VistaFile, *, clock: Clock | None = None) -> World:
    """An account with the places found in ``vista``, and nobody in it but the user whom the key belongs to."""
    world = _with_places(vista.read(), clock)
    _add_others(world, _OTHERS[:1])
    return world


def _known(rows: VistaRows) -> VistaRows:
    """What of ``rows`` was there when somebody last typed in places: the newest department and jobs were not."""
    departments = [row for row in rows.departments if row["udRegion"]]
    newest = departments[-1:] if len(departments) > len(REGIONS) else []
    jobs = [row for at, row in enumerate(rows.jobs) if at % _NEW_JOBS != _NEW_JOBS - 1]
    return replace(rows, departments=[row for row in departments if row not in newest], jobs=jobs)


def _let_places_age(world: World) -> None:
    """A department was renamed since, and a few jobs have moved."""
    department = next((one for one in world.records("site_clusters") if one["depth"] == DEPARTMENT), None)
    if department is not None:
        needed = ("name", "parent_cluster_id", "osha_establishment")
        body = {**{name: department[name] for name in needed}, "name": f"{department['external_code']} - Formerly"}
        world.edit("site_clusters", department["id"], body)
    for site in [one for one in world.records("sites") if one["ext_id"]][::_MOVED_JOBS]:
        world.edit("sites", site["id"], {"name": site["name"], "street": "1 Former Street", "zip_code": "70001"})


def _with_places(rows: VistaRows, clock: Clock | None) -> World:
    world = World(clock)
    for role in (*_OTHER_ROLES, FIELD_ROLE):
        world.roles.add(role, world.stamp(), account_default=int(role == FIELD_ROLE))
    root = world.clusters.add_root(COMPANY_NAME, world.stamp())
    regions = _add_regions(world, root, rows.departments)
    clusters = _add_departments(world, regions, rows.departments)
    _add_job_sites(world, clusters, rows)
    _add_asset_types(world)
    return world


def _add_regions(world: World, root: int, departments: Iterable[Row]) -> dict[str, int]:
    """A cluster and an office for each region, by the region's name."""
    regions: dict[str, int] = {}
    for name in dict.fromkeys(row["udRegion"] for row in departments if row["udRegion"]):
        cluster = {"name": name, "external_code": name, "parent_cluster_id": root, "osha_establishment": 0}
        regions[name] = world.add("site_clusters", cluster)
        state = REGIONS.get(name)
        city = CITIES[state][0] if state else None
        office = {"name": f"{name} Office", "cluster_id": regions[name], "city": city, "state": state}
        world.add("sites", {**office, "country": _COUNTRY, "timezone": _TIMEZONE})
    return regions


def _add_departments(world: World, regions: dict[str, int], departments: Iterable[Row]) -> dict[str, int]:
    """A cluster for each department that names its region, by the department's code."""
    return {
        row["PRDept"]: world.add(
            "site_clusters",
            {
                "name": f"{row['PRDept']} - {row['Description']}",
                "external_code": row["PRDept"],
                "parent_cluster_id": regions[row["udRegion"]],
                "osha_establishment": 0,
            },
        )
        for row in departments
        if row["udRegion"]
    }


def _add_job_sites(world: World, clusters: dict[str, int], rows: VistaRows) -> None:
    """A site for each open job of a department that has a cluster; the job's code keeps its dot."""
    department_of = {(row["JCCo"], row["Contract"]): row["Department"] for row in rows.contracts}
    for job in rows.jobs:
        cluster = clusters.get(department_of.get((job["JCCo"], job["Contract"]), ""))
        if job["JobStatus"] != OPEN or cluster is None:
            continue
        site = {
            "name": f"{job['Job'].strip()} - {job['Description']}",
            "ext_id": job["Job"].strip(),
            "cluster_id": cluster,
            "street": job["ShipAddress"],
            "city": job["ShipCity"],
            "state": job["ShipState"],
            "zip_code": job["ShipZip"],
        }
        world.add("sites", {**site, "country": _COUNTRY, "timezone": _TIMEZONE})


def _add_asset_types(world: World) -> None:
    """Vehicles and tools at every office: an asset stands at the site of its type."""
    categories = {name: world.asset_categories.add(name, world.stamp()) for name in ("Vehicles", "Tools")}
    for office in _offices(world):
        for kind, category in (("Service Vehicle", "Vehicles"), ("Generator", "Tools")):
            world.asset_types.add(kind, office["id"], world.stamp(), category_id=categories[category])


def add_fleet(world: World, vehicles: Iterable[Record]) -> None:
    """Every third of ``vehicles``, up to fifteen, is in the account already, under an old name; and a tool."""
    kinds = world.records("asset_types")
    for kind, name in zip(kinds[1::2], ("Generator 1",), strict=False):
        world.add("assets", {"name": name, "code": "GEN-1", "site_id": kind["site_id"], "asset_type_id": kind["id"]})
    if not kinds:
        return
    here = {"site_id": kinds[0]["site_id"], "asset_type_id": kinds[0]["id"]}
    for vehicle in [one for one in vehicles if "serial" in one][::3][:_MOST_KNOWN]:
        known = {"serial": vehicle["serial"], "model": vehicle["model"], "code": vehicle["id"]}
        world.add("assets", {**known, **here, "name": f"Old {vehicle['name']}"})


def vehicle_site_types(world: World) -> str:
    """The setting ``SAFETYAMP_VEHICLE_SITE_TYPES``: the first office and its type of vehicle; empty without offices."""
    kinds = world.records("asset_types")
    return f"{kinds[0]['site_id']}:{kinds[0]['id']}" if kinds else ""


def _add_others(world: World, people: Iterable[Record]) -> None:
    home = next((office["id"] for office in _offices(world)), None)
    for person in people:
        world.add("users", {**person, "home_site_id": home, "roles": [{"id": 1}], "system_access": 1})


def _add_employees(world: World, company: Company) -> None:
    """About one active employee in twenty is in the account already, and not too many."""
    people = Random(f"{company.seed}/account").sample(company.active, min(_MOST_KNOWN, len(company.active) // 20))  # noqa: S311
    titles = {record["name"].casefold(): record["id"] for record in world.records("user_titles")}
    homes = _homes(world, company)
    role = next(record["id"] for record in world.records("roles") if record["name"] == FIELD_ROLE)
    taken: set[str] = set()
    for at, row in enumerate(people):
        user = _user(row, homes, titles, role)
        if user["email"] is None or user["email"] in taken:
            continue
        taken.add(user["email"])
        world.add("users", {**user, **_OUTDATED[at % len(_OUTDATED)]})


def _homes(world: World, company: Company) -> dict[str, int]:
    """Department code to the office of its region."""
    offices = {site["name"]: site["id"] for site in _offices(world)}
    return {row["PRDept"]: offices[f"{row['udRegion']} Office"] for row in company.departments if row["udRegion"]}


def _offices(world: World) -> Sequence[Record]:
    return [site for site in world.records("sites") if site["name"].endswith(" Office")]


def _user(row: Row, homes: dict[str, int], titles: dict[str, int], role: int) -> Record:
    """The user somebody would have typed in for an employee."""
    return {
        "emp_id": str(row["Employee"]),
        "first_name": normalise.collapse_blanks(row["FirstName"]),
        "middle_name": row["MidName"],
        "last_name": normalise.collapse_blanks(row["LastName"]),
        "email": normalise.email(row["Email"]),
        "gender": normalise.gender(row["Sex"]),
        "date_of_birth": normalise.day(row["BirthDate"]),
        "current_hire_date": normalise.day(row["HireDate"]),
        "street": row["Address"],
        "city": row["City"],
        "state": normalise.state(row["State"]),
        "zip_code": normalise.zip_code(row["Zip"]),
        "country": _COUNTRY,
        "timezone": _TIMEZONE,
        "home_site_id": homes[row["PRDept"]],
        "current_title_id": titles.get(normalise.collapse_blanks(row["udEmpTitle"]).casefold()),
        "roles": [{"id": role}],
        "system_access": 1,
        "text_opt_out": 1,
    }
