"""Departments, jobs, contracts and titles of a synthetic company."""

from __future__ import annotations

from random import Random

from busway_safetyamp.sandbox.rows import Row
from busway_safetyamp.sandbox.words import (
    CITIES,
    DEPARTMENTS,
    LEVELS,
    OFFICE_TITLES,
    PLACES,
    REGIONS,
    STREETS,
    TRADES,
    WORKS,
)

__all__ = ["COMPANY", "OPEN", "contract_rows", "department_rows", "job_rows", "job_title_names"]

COMPANY = 1
"""Vista's number of the company; all rows belong to it."""
OPEN = 1
"""``JobStatus`` of an open job; 0 is pending, 2 and 3 are closed."""
_STATUSES = (OPEN,) * 17 + (0, 2, 3)


def department_rows(people: int) -> list[Row]:
    """Payroll departments, and one last row without region and description, as real tables have them."""
    regions = list(REGIONS)
    count = min(33, max(len(regions), people // 12))
    rows = []
    for at in range(count):
        region = regions[at % len(regions)]
        name = DEPARTMENTS[at // len(regions) % len(DEPARTMENTS)]
        code = str(100 * (at % len(regions) + 1) + 10 * (at // len(regions) + 1))
        rows.append({"PRCo": COMPANY, "PRDept": code, "Description": f"{region} {name}", "udRegion": region})
    return [*rows, {"PRCo": COMPANY, "PRDept": "999", "Description": None, "udRegion": None}]


def job_rows(random: Random, people: int) -> list[Row]:
    """Jobs, most of them open; codes are five digits and a dot."""
    numbers = sorted(random.sample(range(10_000, 100_000), max(8, people // 4)))
    return [_job(random, number, at) for at, number in enumerate(numbers)]


def _job(random: Random, number: int, at: int) -> Row:
    state = random.choice(list(CITIES))
    address = f"{random.randint(1, 999)} {random.choice(STREETS)} Street" if random.random() > 0.1 else None
    return {
        "JCCo": COMPANY,
        "Job": f"{number}.",
        "Description": f"{random.choice(PLACES)} {random.choice(WORKS)}",
        "Contract": f"{number}-",
        # The first is always open, so that even a tiny company has somewhere to work.
        "JobStatus": random.choice(_STATUSES) if at else OPEN,
        "ShipAddress": address,
        "ShipCity": random.choice(CITIES[state]) if address else None,
        "ShipState": state,
        "ShipZip": f"{random.randint(70_000, 80_999)}" if address else None,
    }


def contract_rows(random: Random, jobs: list[Row], departments: list[Row]) -> list[Row]:
    """One contract per job; only some payroll departments are job-cost departments too."""
    codes = [row["PRDept"] for row in departments if row["udRegion"]]
    earning = codes[: max(1, len(codes) * 2 // 3)]
    return [
        {"JCCo": COMPANY, "Contract": job["Contract"], "Department": earning[at % len(earning)]}
        for at, job in enumerate(random.sample(jobs, len(jobs)))
    ]


def job_title_names(random: Random, people: int) -> list[str]:
    """Distinct titles, about one for a dozen people."""
    trades = [level.format(trade) for trade in TRADES for level in LEVELS]
    return random.sample([*OFFICE_TITLES, *trades], min(len(trades) + len(OFFICE_TITLES), 20 + people // 12))
