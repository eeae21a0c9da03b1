"""Synthetic people for ``sync.py``: the source and the target of a sync that has some five percent to do."""

from __future__ import annotations

import random
from typing import Any

__all__ = ["CHANGED", "FIELDS", "NUMBERS", "people", "person", "sides"]

Person = dict[str, Any]

CHANGED = 0.05
"""Part of the records that differ: eight in ten are updates, one is a create, one has left."""
FIELDS = (
    "emp_id",
    "first_name",
    "middle_name",
    "last_name",
    "email",
    "gender",
    "date_of_birth",
    "current_hire_date",
    "street",
    "city",
    "state",
    "zip_code",
    "country",
    "mobile_phone",
    "work_phone",
    "home_site_id",
    "system_access",
    "title_id",
    "timezone",
)
NUMBERS = frozenset({"gender", "home_site_id", "system_access", "title_id"})
"""Fields that hold whole numbers; all others hold text."""


def person(number: int) -> Person:
    """One of them; the same for the same number."""
    return {
        "emp_id": str(10_000 + number),
        "first_name": f"First{number % 997}",
        "middle_name": chr(65 + number % 26),
        "last_name": f"Last{number % 4_999}",
        "email": f"user{number}@example.test",
        "gender": number % 2,
        "date_of_birth": f"19{60 + number % 40:02d}-{1 + number % 12:02d}-{1 + number % 28:02d}",
        "current_hire_date": f"20{number % 25:02d}-{1 + number % 12:02d}-{1 + number % 28:02d}",
        "street": f"{number % 9_999} Example Ave",
        "city": f"City{number % 311}",
        "state": "TX",
        "zip_code": f"{70_000 + number % 9_999}-{number % 9_999:04d}",
        "country": "US",
        "mobile_phone": f"+1555{number % 10_000_000:07d}",
        "work_phone": f"+1444{number % 10_000_000:07d}",
        "home_site_id": 1_000 + number % 900,
        "system_access": 1,
        "title_id": number % 140,
        "timezone": "America/Chicago",
    }


def people(count: int) -> list[Person]:
    """So many of them."""
    return [person(number) for number in range(count)]


def sides(count: int, seed: int = 7) -> tuple[list[Person], list[Person]]:
    """Source and target of ``count`` people."""
    source, target = people(count), people(count)
    differ = random.Random(seed).sample(range(count), max(1, int(count * CHANGED)))
    updates, creates = int(len(differ) * 0.8), int(len(differ) * 0.9)
    for number in differ[:updates]:
        target[number] |= {"city": "Elsewhere", "mobile_phone": "+15550000000"}
    new, gone = set(differ[updates:creates]), set(differ[creates:])
    return (
        [one for number, one in enumerate(source) if number not in gone],
        [one for number, one in enumerate(target) if number not in new],
    )
