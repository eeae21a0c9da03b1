"""A synthetic fleet: the vehicles of a company and the people who drive them, as Samsara tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from busway.contracts.records import Record
from busway_safetyamp.normalise import collapse_blanks
from busway_safetyamp.sandbox.rows import Row
from busway_safetyamp.vin import with_check_digit

__all__ = ["NUMBER_KEY", "Fleet"]

NUMBER_KEY = "employeeNumber"
"""Key of drivers' external ids that holds the employee number; the setting ``SAMSARA_NUMBER_KEY``."""
_MAKES = (
    ("Ford", "F-150", "1FT"),
    ("Ford", "Transit", "1FT"),
    ("Chevrolet", "Silverado", "1GC"),
    ("Ram", "2500", "3C6"),
)
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
_REGULATION = ("unregulated", "unregulated", "unregulated", "mixed", "regulated")


class Fleet:
    """The same ``seed`` and ``people`` (rows of ``bPREH``) give the same fleet: a vehicle for about twenty people.

    It has the flaws of a real one: vehicles without a plate, without a gateway or without a driver, drivers whose
    employee number is only in their notes, is there twice, or is not there at all.
    """

    def __init__(self, seed: int, people: Sequence[Row], *, now: datetime | None = None) -> None:
        self._random = Random(f"{seed}/fleet")  # noqa: S311 - synthetic data has to be repeatable
        self._now = now or datetime.now(UTC)
        count = max(3, len(people) // 20)
        drivers = self._random.sample(list(people), min(len(people), count))
        self.drivers: list[Record] = [self._driver(at, row) for at, row in enumerate(drivers)]
        self.vehicles: list[Record] = [self._vehicle(at) for at in range(count)]
        self._drive()

    def _driver(self, at: int, row: Row) -> Record:
        number = str(row["Employee"])
        known = {NUMBER_KEY: number} if at % 3 == 0 else {}
        notes = ("", f"Employee # {number}", f"badge {number}, was 99999")[at % 3]
        name = f"{collapse_blanks(row['FirstName'])} {collapse_blanks(row['LastName'])}"
        return {
            "id": f"{52_000_000 + at * 7}",
            "name": name,
            "username": f"driver{at}",
            "notes": notes,
            "externalIds": known,
            "driverActivationStatus": "deactivated" if at % 10 == 9 else "active",
            "tags": [{"id": "301", "name": "Field"}] if at % 2 == 0 else [],
            **self._times(),
        }

    def _vehicle(self, at: int) -> Record:
        make, model, prefix = self._random.choice(_MAKES)
        serial = f"G{self._letters(3)}-{self._letters(3)}-{at:03}"
        gateway = {} if at % 12 == 11 else {"serial": serial, "gateway": {"model": "VG54", "serial": serial}}
        plate = {} if at % 9 == 8 else {"licensePlate": f"{self._letters(3)}{1000 + at}"}
        return {
            "id": f"{281_474_970_000_000 + at * 13}",
            "name": f"Unit {100 + at}",
            "vin": with_check_digit(f"{prefix}{self._letters(5)}0{self._letters(2)}{100_000 + at}"),
            "make": make,
            "model": model,
            "year": str(self._random.randint(2012, self._now.year)),
            "notes": "Service body" if at % 4 == 0 else "",
            "externalIds": {},
            "tags": [{"id": "301", "name": "Field"}] if at % 2 == 0 else [],
            "vehicleRegulationMode": self._random.choice(_REGULATION),
            **gateway,
            **plate,
            **self._times(),
        }

    def _drive(self) -> None:
        for at, vehicle in enumerate(self.vehicles):
            if at % 8 == 7 or at >= len(self.drivers):
                continue  # a pool vehicle
            driver = self.drivers[at]
            vehicle["staticAssignedDriver"] = {"id": driver["id"], "name": driver["name"]}
            driver["staticAssignedVehicle"] = {"id": vehicle["id"], "name": vehicle["name"]}

    def _letters(self, count: int) -> str:
        return "".join(self._random.choices(_LETTERS, k=count))

    def _times(self) -> Record:
        made = self._now - timedelta(days=self._random.randint(30, 900))
        return {"createdAtTime": _rfc3339(made), "updatedAtTime": _rfc3339(made + timedelta(days=12))}


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
