"""Employees of a synthetic company, with the flaws that payroll data has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import cycle
from random import Random

from busway_safetyamp.sandbox.rows import Row
from busway_safetyamp.sandbox.words import CITIES, FIRST_NAMES, LAST_NAMES, MAIL_DOMAIN, REGIONS, STREETS
from busway_safetyamp.sandbox.works import COMPANY

__all__ = ["People"]

_FIRST_NUMBER = 10_001
_AREAS = [f"{a}{b}{c}" for a in range(2, 10) for b in range(9) for c in range(10) if (b, c) != (1, 1)]
"""Area codes of the North American form; the middle digit 9 and N11 are reserved."""
_MALFORMED_PHONES = ("555-0123", "000-000-0000", "2145550", "n/a")


class People:
    """Makes the rows of ``bPREH``: :attr:`rows` holds ``active`` people at work on ``today``, then some who are not."""

    def __init__(
        self, random: Random, active: int, *, departments: Sequence[Row], titles: Sequence[str], today: datetime
    ) -> None:
        self._random = random
        self._departments = [row for row in departments if row["udRegion"]]
        self._titles = titles
        self._today = today
        self._active = active
        self._mails: set[str] = set()
        leavers, joiners = max(3, active * 6 // 100), max(2, active // 100)
        self.rows = [self._employee(at) for at in range(active + leavers + joiners)]
        self._let_go(self.rows[active : active + leavers])
        self._hire_later(self.rows[active + leavers :])
        self._spoil(self.rows[:active])

    def _employee(self, at: int) -> Row:
        random = self._random
        sex = "F" if random.random() < 0.2 else "M"
        first, last = random.choice(FIRST_NAMES[sex]), random.choice(LAST_NAMES)
        middle = None if random.random() < 0.41 else random.choice(FIRST_NAMES[sex])
        title = random.choice(self._titles)
        return {
            "PRCo": COMPANY,
            "Employee": _FIRST_NUMBER + at * 3,
            "FirstName": self._padded(first, 0.13),
            "MidName": middle,
            "LastName": self._padded(last, 0.13),
            "SortName": f"{last}{first}".upper()[:15],
            "Sex": sex,
            "Email": self._mail(first, last),
            "udEmpTitle": self._padded(title, 0.077),
            "BirthDate": self._ago(20 * 365, 64 * 365),
            "HireDate": self._ago(30, 18 * 365),
            "TermDate": None,
            "Phone": _phone(at, 1),
            "CellPhone": _phone(at, 0) if random.random() < 0.9 else None,
            "ActiveYN": "Y",
            "Craft": f"{random.randint(1, 9):02}",
            "Class": f"{random.randint(1, 30):03}",
            **self._place(),
        }

    def _place(self) -> Row:
        department = self._random.choice(self._departments)
        state = REGIONS[department["udRegion"]]
        return {
            "PRDept": department["PRDept"],
            "Address": f"{self._random.randint(1, 9899)} {self._random.choice(STREETS)} Street",
            "Address2": None,
            "City": self._random.choice(CITIES[state]),
            "State": f"{state} " if self._random.random() < 0.16 else state,
            "Zip": f"{self._random.randint(70_000, 80_999)}-{self._random.randint(1000, 9999)}",
        }

    def _let_go(self, rows: list[Row]) -> None:
        for row in rows:
            row.update(TermDate=self._ago(1, 25), ActiveYN="N")
        rows[0]["ActiveYN"] = "Y"  # payroll still has to close the file
        rows[1]["TermDate"] = None  # inactive without a date: on unpaid leave

    def _hire_later(self, rows: list[Row]) -> None:
        for row in rows:
            row["HireDate"] = self._today + timedelta(days=self._random.randint(45, 90))

    def _spoil(self, rows: list[Row]) -> None:
        """The flaws that only a few rows have, in numbers that follow the size of the company."""
        self._sound = self._random.sample(rows, len(rows))
        for row in self._take(0.01, 2):
            row["TermDate"] = self._today + timedelta(days=self._random.randint(14, 60))
        for row in self._take(0.013, 2):
            row["Zip"] = row["Zip"][:6]
        for row in self._take(0.002, 1):
            row["Zip"] = row["Zip"][:5]
        for row in self._take(0.002, 1):
            row["Zip"] = row["Zip"][1:5]
        for row, phone in zip(self._take(0.005, 3), cycle(_MALFORMED_PHONES), strict=False):
            row.update(Phone=phone, CellPhone=phone)
        for row in self._take(0.0017, 1):
            row["Email"] = None
        self._share(self._take(0.0034, 2), "Email")
        self._share(self._take(0.0045, 1), "CellPhone")

    def _take(self, share: float, least: int) -> list[Row]:
        """Some rows that have no such flaw yet, and from now on have."""
        wanted = max(least, round(self._active * share))
        count = min(wanted, self._active // 10)
        taken, self._sound = self._sound[:count], self._sound[count:]
        return taken

    def _share(self, rows: list[Row], column: str) -> None:
        """Each of ``rows`` gets the value of somebody else."""
        owners = [row for row in self._sound if row[column]]
        for row, owner in zip(rows, self._random.sample(owners, len(rows)), strict=True):
            row[column] = owner[column]

    def _mail(self, first: str, last: str) -> str:
        name, number = f"{first}.{last}".lower(), 1
        mail = f"{name}@{MAIL_DOMAIN}"
        while mail in self._mails:
            number += 1
            mail = f"{name}{number}@{MAIL_DOMAIN}"
        self._mails.add(mail)
        return mail

    def _padded(self, text: str, share: float) -> str:
        return text + "   " if self._random.random() < share else text

    def _ago(self, least: int, most: int) -> datetime:
        return self._today - timedelta(days=self._random.randint(least, most))


def _phone(at: int, column: int) -> str | None:
    """A number of the block 555-0100 to 555-0199, which is kept for fiction, each one once.

    There are enough for some 35,000 people; those who come after have none.
    """
    area, line = divmod(at * 2 + column, 100)
    return f"{_AREAS[area]}-555-01{line:02}" if area < len(_AREAS) else None
