"""The job ``vehicles``: the fleet as assets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.safetyamp_house import House, driver, vehicle
from busway.errors import ConfigurationError, UsageError
from busway.sync.report import Outcome
from busway_safetyamp.jobs.vehicle_links import VehicleLinks
from busway_safetyamp.jobs.vehicle_matching import matched
from busway_safetyamp.jobs.vehicle_places import VehiclePlaces

VIN, OTHER_VIN = "1FTFW1E50NFA00001", "1FTFW1E50NFA00002"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    yield found
    found.close()


def assets(house: House) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in house.records("assets")}


def forget_links(house: House) -> None:
    """As after the loss of the state folder."""
    (house.folder / "state" / "safetyamp-vehicles.json").unlink()
    house.restart()


def test_a_vehicle_becomes_an_asset(house: House) -> None:
    house.vehicles[:] = [vehicle(1), vehicle(2, licensePlate=None, serial=None, notes="", model=" F  150 ")]
    house.drivers[:] = [driver(1, 1001, house.vehicles[0])]
    house.run()
    names = ("code", "serial", "model", "description", "site_id", "asset_type_id", "status", "current_user_id")
    assert [assets(house)["Unit 1"][name] for name in names] == [
        *("PLT0001", "GATE-0001", "F-150", "Service body", house.office, house.kind, 1, house.user(1001)["id"]),
    ]
    assert [assets(house)["Unit 2"][name] for name in names] == [
        *("Unit_281474970002", None, "F 150", None, house.office, house.kind, 1, None),
    ]
    assert house.is_idle()


def test_two_vehicles_that_swap_gateways_stay_themselves(house: House) -> None:
    house.run()
    before = {name: one["id"] for name, one in assets(house).items()}
    one, two = house.vehicles
    one["serial"], two["serial"] = two["serial"], one["serial"]
    report = house.run()["vehicles"]
    assert (report.counts.created, report.counts.updated) == (0, 2)
    assert {name: asset["id"] for name, asset in assets(house).items()} == before
    assert assets(house)["Unit 1"]["serial"] == "GATE-0002"


def test_a_swap_is_seen_even_of_assets_that_were_there_before(house: House) -> None:
    """The first run finds them by their serials, and remembers."""
    for number in (1, 2):
        known = {"serial": f"GATE-{number:04}", "site_id": house.office, "asset_type_id": house.kind}
        house.add("assets", name=f"Old {number}", **known)
    house.run()
    before = {name: one["id"] for name, one in assets(house).items()}
    assert before.keys() == {"Unit 1", "Unit 2"}
    house.restart()
    one, two = house.vehicles
    one["serial"], two["serial"] = two["serial"], one["serial"]
    house.run()
    assert {name: asset["id"] for name, asset in assets(house).items()} == before


def test_new_gateway_new_plate_and_new_name_are_one_update(house: House) -> None:
    house.run()
    house.vehicles[0].update(serial="GATE-9999", licensePlate="NEW1", name="Crane")
    assert house.run()["vehicles"].counts.updated == 1
    assert len(assets(house)) == 2


def test_without_what_is_kept_vehicles_are_found_by_what_they_show(house: House) -> None:
    """VIN first, which a swap of gateways leaves alone; then the serial; then the code."""
    house.changes = {"vehicle_description": "{year} {make} {vin}"}
    house.vehicles[:] = [
        *(vehicle(1, vin=VIN), vehicle(2, vin=OTHER_VIN)),
        *(vehicle(3), vehicle(4, serial=None)),
    ]
    house.run()
    before = {name: one["id"] for name, one in assets(house).items()}
    one, two, three, _ = house.vehicles
    one["serial"], two["serial"] = two["serial"], one["serial"]
    three["licensePlate"] = "NEW3"
    forget_links(house)
    assert house.run()["vehicles"].counts.created == 0
    assert {name: asset["id"] for name, asset in assets(house).items()} == before


def test_two_vehicles_that_show_the_same_are_told_and_not_guessed(house: House) -> None:
    known = {"serial": "GATE-0001", "site_id": house.office, "asset_type_id": house.kind}
    house.add("assets", name="Old", **known)
    house.vehicles[1]["serial"] = "gate-0001"
    report = house.run()["vehicles"]
    assert (report.counts.created, report.counts.failed, len(assets(house))) == (0, 2, 1)
    house.vehicles[1]["serial"] = "GATE-0002"
    report = house.run()["vehicles"]
    assert (report.counts.created, report.counts.updated) == (1, 1)


def test_two_assets_of_one_vehicle_are_told_and_none_is_written(house: House) -> None:
    for name in ("Old", "Older"):
        house.add("assets", name=name, serial="GATE-0001", site_id=house.office, asset_type_id=house.kind)
    report = house.run()["vehicles"]
    assert (report.counts.created, report.counts.failed) == (1, 1)
    assert assets(house).keys() == {"Old", "Older", "Unit 2"}


def test_a_vehicle_that_left_is_decommissioned_and_comes_back_as_itself(house: House) -> None:
    house.run()
    gone = house.vehicles.pop(1)
    assert house.run()["vehicles"].counts.deactivated == 1
    asset = assets(house)["Unit 2"]
    assert asset["status"] == 0
    house.vehicles.append({**gone, "name": "Crane"})
    assert house.run()["vehicles"].counts.reactivated == 1
    assert (assets(house)["Crane"]["id"], assets(house)["Crane"]["status"]) == (asset["id"], 1)


def test_an_asset_that_a_person_decommissioned_or_made_stays_theirs(house: House) -> None:
    known = {"serial": "GATE-0001", "site_id": house.office, "asset_type_id": house.kind}
    house.add("assets", name="Unit 1", code="PLT0001", model="F-150", description="Service body", **known)
    house.drivers.clear()
    house.run()
    two = assets(house)["Unit 2"]
    house.world.edit(
        "assets", two["id"], {**{name: two[name] for name in ("name", "site_id", "asset_type_id")}, "status": 0}
    )
    house.vehicles.pop(0)
    house.sandbox.ledger.clear()
    house.run()
    assert house.written("assets") == [], "linked, not managed; and blocked by a person"


def test_a_vehicle_stands_where_its_driver_is_at_home_if_vehicles_can(house: House) -> None:
    """1001 works at a site with a type for vehicles, 1002 at one without; the type's name decides."""
    house.run("departments", "jobs")
    bridge = house.only("sites", ext_id="12345.")["id"]
    house.add_type("Generator", bridge)
    trucks = house.add_type("Company VEHICLES", bridge)
    house.drivers[:] = [driver(1, 1001, house.vehicles[0]), driver(2, 1002, house.vehicles[1])]
    house.run()
    places = {name: (one["site_id"], one["asset_type_id"]) for name, one in assets(house).items()}
    assert places == {"Unit 1": (bridge, trucks), "Unit 2": (house.office, house.kind)}
    house.run(vehicle_type_word="generator")
    assert assets(house)["Unit 1"]["asset_type_id"] == trucks - 1


def test_without_a_place_a_vehicle_is_skipped_with_the_reason(house: House) -> None:
    house.drivers.clear()
    house.run("departments", "titles", "jobs", "employees", vehicle_site_types="")
    plan = house.plan("vehicles")
    assert plan.changes == []
    assert {one.reasons[0] for one in plan.skipped} == {
        "no site: its driver's has no asset type for vehicles, and SAFETYAMP_VEHICLE_SITE_TYPES is empty"
    }


@pytest.mark.parametrize(
    ("pair", "told"), [("{office}:999", "there is no such asset type"), ("1:{kind}", "is at site")]
)
def test_a_pair_that_does_not_fit_ends_the_job_before_a_write(house: House, pair: str, told: str) -> None:
    house.add("sites", name="Yard", cluster_id=house.gulf)
    house.run("departments", "titles", "jobs", "employees")
    before = house.writes
    pair = pair.format(office=house.office, kind=house.kind).replace("1:", f"{house.office + 1}:")
    report = house.run("vehicles", vehicle_site_types=pair)["vehicles"]
    assert (report.outcome, report.exit_code, house.writes) == (Outcome.ABORTED, 3, before)
    assert report.problem is not None
    assert (report.problem.code, told in report.problem.why) == ("BW5016", True)


def test_a_driver_is_only_who_can_be_told_for_sure(house: House) -> None:
    house.drivers[:] = [
        driver(1, 1001, house.vehicles[0], notes="badge 1001, was 9999"),
        driver(2, 1002, house.vehicles[1], externalIds={"number": "1003"}),
    ]
    house.run(samsara_number_key="number")
    assert assets(house)["Unit 1"]["current_user_id"] is None
    assert assets(house)["Unit 2"]["current_user_id"] == house.user(1003)["id"]


def test_a_number_of_two_users_is_nobodys(house: House) -> None:
    house.run("departments", "titles", "jobs", "employees")
    house.add("users", first_name="Twin", last_name="Lee", email="twin@example.test", emp_id="1001")
    house.run("vehicles")
    assert assets(house)["Unit 1"]["current_user_id"] is None


# -- what is kept


def test_links_are_private_and_of_one_account(tmp_path: Path) -> None:
    path = tmp_path / "state" / "vehicles.json"
    links = VehicleLinks(path, "one")
    links.keep({"v1": 7})
    links.keep({"v2": 8})
    assert (path.stat().st_mode & 0o077, path.parent.stat().st_mode & 0o077) == (0, 0)
    assert VehicleLinks(path, "one").all() == {"v1": 7, "v2": 8}
    assert VehicleLinks(path, "another").all() == {}
    assert [one.name for one in path.parent.iterdir()] == ["vehicles.json"], "no draft is left behind"


@pytest.mark.parametrize("content", ["", "[1]", '{"account": "one", "assets": [1]}', '{"account": "one"}', "\\xff"])
def test_a_file_of_links_that_says_nothing_is_made_anew(tmp_path: Path, content: str) -> None:
    path = tmp_path / "vehicles.json"
    path.write_text(content)
    links = VehicleLinks(path, "one")
    assert links.all() == {}
    links.keep({"v1": 7})
    assert VehicleLinks(path, "one").all() == {"v1": 7}


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(UsageError, match="BW5017") as caught:
        VehicleLinks(tmp_path / "state" / "vehicles.json", "one").keep({"v1": 7})
    assert str(tmp_path) in caught.value.problem.where


def test_a_plan_keeps_nothing(house: House) -> None:
    house.add("assets", name="Old", serial="GATE-0001", site_id=house.office, asset_type_id=house.kind)
    house.plans()
    assert not (house.folder / "state").exists()


def test_a_link_to_an_asset_that_is_gone_is_no_link() -> None:
    found = matched([vehicle(1)], [{"id": 5, "serial": "GATE-0001"}], {vehicle(1)["id"]: 4})
    assert found.vehicles == {5: vehicle(1)["id"]}


def test_places_are_looked_up_by_site() -> None:
    types = [{"id": 9, "name": "Vehicle B", "site_id": 3}, {"id": 8, "name": "vehicle A", "site_id": 3}]
    places = VehiclePlaces(types, [], "Vehicle")
    assert (places.of(3), places.of(4), places.of(None)) == ((3, 8), None, None)
    paired = VehiclePlaces([*types, {"id": 2, "name": "Car", "site_id": 3}], [(3, 2)], "vehicle")
    assert (paired.of(3), paired.of(None)) == ((3, 2), (3, 2))
    with pytest.raises(ConfigurationError, match="BW5016"):
        VehiclePlaces(types, [(4, 9)], "vehicle")
