"""The job ``vehicles``: the vehicles of Samsara are assets of SafetyAmp."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from busway.contracts.fields import FieldRule, always, create_only
from busway.contracts.jobs import Job
from busway.contracts.keys import exact
from busway.contracts.records import Complete, Record, Skip, without
from busway.contracts.runs import Run
from busway.errors import RejectedRecordError
from busway_safetyamp.connections import Connections
from busway_safetyamp.jobs import ACCOUNT, WRITES_AT_ONCE
from busway_safetyamp.jobs.mapping import Managed, rules_of
from busway_safetyamp.jobs.vehicle_links import VehicleLinks
from busway_safetyamp.jobs.vehicle_matching import Matched, code_of_vehicle, matched
from busway_safetyamp.jobs.vehicle_places import VehiclePlaces
from busway_safetyamp.normalise import collapse_blanks
from busway_safetyamp.samsara.drivers import driver_numbers

__all__ = ["Vehicles"]


def _user_id(asset: Mapping[str, Any]) -> Any | None:
    return asset.get("current_user_id") or (asset.get("current_user") or {}).get("id")


_text = always.normalised(collapse_blanks)
_UNPLACED = "no site: its driver's has no asset type for vehicles, and SAFETYAMP_VEHICLE_SITE_TYPES is empty"
_PLACE = ("SAFETYAMP_VEHICLE_SITE_TYPES", "SAFETYAMP_VEHICLE_TYPE_WORD")


class Vehicles(Job):
    """Creates assets for vehicles, keeps them, and decommissions those that left the fleet.

    Only assets that Busway created or adopted are ever decommissioned; none is deleted.
    """

    mapping: ClassVar[tuple[Managed, ...]] = (
        Managed(
            "samsara_id",
            "id",
            create_only,
            is_sent=False,
            note="Kept in the state folder; SafetyAmp has no field for it.",
        ),
        Managed("name", "name", _text),
        Managed("code", "licensePlate, else Unit_ and the id", _text),
        Managed("serial", "serial", _text.optional(), note="That of the gateway; it may move to another vehicle."),
        Managed("model", "model", _text.optional()),
        Managed(
            "description",
            "notes, or SAFETYAMP_VEHICLE_DESCRIPTION",
            _text.personal().optional(),
            settings=("SAFETYAMP_VEHICLE_DESCRIPTION",),
        ),
        Managed(
            "site_id",
            "the driver's home site where it has a type for vehicles, else SAFETYAMP_VEHICLE_SITE_TYPES",
            always,
            settings=_PLACE,
            note="A vehicle without a place is skipped.",
        ),
        Managed("asset_type_id", "the type for vehicles at that site", always, settings=_PLACE),
        Managed(
            "current_user_id",
            "the user of the driver's employee number",
            always.optional().referring("employees").reading(_user_id),
            settings=("SAMSARA_NUMBER_KEY", "SAMSARA_NUMBER_PATTERN"),
            note="Nobody where the number is ambiguous.",
        ),
        Managed(
            "status",
            "1",
            create_only,
            note="0 for vehicles that left the fleet, 1 when they return; only for assets that Busway created or "
            "adopted.",
        ),
    )
    name = "vehicles"
    entity = "vehicle"
    account = ACCOUNT
    concurrency = WRITES_AT_ONCE
    requires_validators = True
    depends_on = ("employees",)
    match_on = exact("samsara_id")
    active_field = "status"
    always_send = ("name", "site_id", "asset_type_id")
    fields: ClassVar[Mapping[str, FieldRule]] = rules_of(mapping)

    def __init__(self, connections: Connections, links: VehicleLinks) -> None:
        self._connections = connections
        self._links = links
        self._matched = Matched({})
        self._fleet: _Fleet | None = None

    def source(self, run: Run) -> Iterable[Record]:
        """The vehicles as Samsara has them, with their id as the key."""
        return [{**vehicle, "samsara_id": vehicle["id"]} for vehicle in self._vehicles(run)]

    def target(self, run: Run) -> Complete[Record]:
        """Every asset, those that are a vehicle with its id.

        What is found out about them is kept: the next run knows them by it when a gateway has been swapped.
        """
        assets = self._connections.safetyamp.assets()
        self._matched = matched(self._vehicles(run), assets, self._links.all())
        if not run.preview:
            self._links.keep(_single(self._matched.vehicles))
        return Complete(map(self._identified, assets), pages=assets.pages)

    def map(self, record: Record, run: Run) -> Record | Skip:
        """A vehicle in the shape of an asset; skipped when there is no site it could stand at."""
        if record["id"] in self._matched.unclear:
            raise RejectedRecordError(
                "VIN, serial or code are those of another vehicle, too, and of an asset: which is which cannot be told",
                fields={"serial": ["is shared"]},
                why="none of them has an asset that is known to be its own",
                fix="make serial, plate and VIN of each its own in Samsara",
            )
        fleet = self._fleet_of(run)
        user = fleet.user_of(record)
        place = fleet.places.of(user.get("home_site_id"))
        if place is None:
            return Skip(
                "no site: its driver's has no asset type for vehicles, and SAFETYAMP_VEHICLE_SITE_TYPES is empty"
            )
        return {
            "samsara_id": record["id"],
            "name": record.get("name"),
            "code": code_of_vehicle(record),
            "serial": record.get("serial"),
            "model": record.get("model"),
            "description": self._description(record),
            "site_id": place[0],
            "asset_type_id": place[1],
            "current_user_id": user.get("id"),
            "status": 1,
        }

    def create(self, record: Record) -> Record:
        """Creates one asset, and remembers which vehicle it is."""
        asset = self._connections.safetyamp.create_asset(without(record, "samsara_id"))
        self._links.keep({record["samsara_id"]: asset["id"]})
        return {**asset, "samsara_id": record["samsara_id"]}

    def update(self, current: Record, changes: Record) -> Record:
        """Writes the changed fields and the three that SafetyAmp demands."""
        body = {**{name: current.get(name) for name in self.always_send}, **without(changes, "samsara_id")}
        return self._connections.safetyamp.update_asset(current["id"], body)

    def deactivate(self, current: Record) -> Record:
        """Decommissions the asset; it and its history stay."""
        return self.update(current, {"status": 0})

    def reactivate(self, current: Record, changes: Record) -> Record:
        """Takes the asset into use again, together with what changed meanwhile."""
        return self.update(current, {**changes, "status": 1})

    def find(self, record: Record) -> Record | None:
        """Looks for the asset of a vehicle: by what is kept, else one that no other vehicle has and that shows the same
        code and serial."""
        known = self._links.all()
        wanted, others = known.get(record["samsara_id"]), set(known.values())
        for asset in self._connections.safetyamp.assets():
            if asset["id"] == wanted or (wanted is None and asset["id"] not in others and _shows(asset, record)):
                self._links.keep({record["samsara_id"]: asset["id"]})
                return {**asset, "samsara_id": record["samsara_id"]}
        return None

    def label(self, record: Record) -> str:
        """``vehicle 281474...``: the fleet's id; a name may be its driver's."""
        return f"vehicle {collapse_blanks(record.get('samsara_id')) or '(no id)'}"

    def close(self) -> None:
        """Closes the connections that the jobs of this plugin share."""
        self._connections.close()

    def _vehicles(self, run: Run) -> list[Record]:
        return run.data.get_or_populate("samsara.vehicles", loader=lambda: list(self._connections.samsara.vehicles()))

    def _identified(self, asset: Record) -> Record:
        return {**asset, "samsara_id": self._matched.vehicles.get(asset["id"])}

    def _description(self, vehicle: Record) -> str:
        template = self._connections.settings.vehicle_description
        names = ("year", "make", "model", "name", "vin")
        filled = template.format_map({name: collapse_blanks(vehicle.get(name)) for name in names})
        return collapse_blanks(filled if template else vehicle.get("notes"))

    def _fleet_of(self, run: Run) -> _Fleet:
        if self._fleet is None or self._fleet.run is not run:
            self._fleet = _Fleet.read(run, self._connections)
        return self._fleet


@dataclass(frozen=True, slots=True)
class _Fleet:
    """Who drives, and where vehicles stand. Once per run."""

    run: Run
    places: VehiclePlaces
    _numbers: Mapping[str, str]
    _users: Mapping[str, Record]

    @classmethod
    def read(cls, run: Run, connections: Connections) -> _Fleet:
        settings, safetyamp, samsara = connections.settings, connections.safetyamp, connections.samsara
        types = run.data.get_or_populate("safetyamp.asset_types", loader=lambda: list(safetyamp.asset_types()))
        drivers = run.data.get_or_populate("samsara.drivers", loader=lambda: list(samsara.drivers()))
        key, pattern = settings.samsara_number_key, settings.samsara_number_pattern
        return cls(
            run,
            VehiclePlaces(types, settings.vehicle_types(), settings.vehicle_type_word),
            driver_numbers(drivers, key=key, pattern=pattern),
            _by_number(run.target_of("employees")),
        )

    def user_of(self, vehicle: Record) -> Record:
        """The user who drives it; empty for nobody, and for somebody who cannot be told."""
        driver = vehicle.get("staticAssignedDriver")
        number = self._numbers.get(str(driver.get("id"))) if isinstance(driver, Mapping) else None
        return self._users.get(number or "", {})


def _by_number(users: Iterable[Record]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    twice: set[str] = {""}
    for user in users:
        number = collapse_blanks(user.get("emp_id"))
        if found.setdefault(number, user) is not user:
            twice.add(number)
    return {number: user for number, user in found.items() if number not in twice}


def _single(vehicles: Mapping[Any, str]) -> dict[str, Any]:
    """Assets by vehicle, without vehicles of several."""
    count = Counter(vehicles.values())
    return {vehicle: asset for asset, vehicle in vehicles.items() if count[vehicle] == 1}


def _shows(asset: Record, record: Record) -> bool:
    return all(collapse_blanks(asset.get(name)) == collapse_blanks(record.get(name)) for name in ("code", "serial"))
