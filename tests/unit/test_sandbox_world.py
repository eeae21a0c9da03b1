from __future__ import annotations

import threading
from typing import Any

import orjson
import pytest

from busway_safetyamp.sandbox.identifiers import user_id
from busway_safetyamp.sandbox.rejection import NotAllowedError, RejectionError, UnknownRecordError
from busway_safetyamp.sandbox.world import World

PERSON = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.test"}


@pytest.fixture
def world() -> World:
    world = World()
    root = world.clusters.add_root("Root", world.stamp())
    region = world.add("site_clusters", {"name": "North", "external_code": "N", "parent_cluster_id": root})
    world.add("sites", {"name": "North Office", "cluster_id": region})
    world.roles.add("Field", world.stamp())
    world.add("user_titles", {"name": "Welder"})
    return world


def create(world: World, resource: str, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = orjson.loads(world.create(resource, body))
    return answer


def errors_of(world: World, resource: str, **body: Any) -> dict[str, list[str]]:
    with pytest.raises(RejectionError) as caught:
        world.create(resource, body)
    return caught.value.errors


def test_a_user_embeds_its_home_site_title_and_roles(world: World) -> None:
    user = create(world, "users", **PERSON, home_site_id=1, current_title_id=1, roles=[{"id": 1}], system_access=1)
    assert len(user["id"]) == 5
    assert user["home_site"] == {
        "id": 1,
        "name": "North Office",
        "street": None,
        "street2": None,
        "city": None,
        "state": None,
        "zip_code": None,
        "country": None,
    }
    assert user["current_title"] == {"id": 1, "name": "Welder"}
    assert user["roles"][0]["name"] == "Field"
    assert user["sites"] == []
    assert user["system_access"] is True
    assert "current_title_id" not in user


def test_the_listed_user_is_the_answered_user(world: World) -> None:
    user = create(world, "users", **PERSON, sites=[1])
    assert world.records("users") == [user]
    assert user["sites"][0]["name"] == "North Office"


def test_a_changed_site_shows_in_the_users_that_embed_it(world: World) -> None:
    create(world, "users", **PERSON, home_site_id=1)
    assert world.records("users")[0]["home_site"]["city"] is None
    world.update("sites", "1", {"name": "North Office", "city": "Alderton"}, "PUT")
    assert world.records("users")[0]["home_site"]["city"] == "Alderton"


@pytest.mark.parametrize("missing", ["first_name", "last_name", "email"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_names_and_email_are_required_on_every_update_too(world: World, missing: str, value: str | None) -> None:
    user = create(world, "users", **PERSON)
    with pytest.raises(RejectionError) as caught:
        world.update("users", user["id"], {**PERSON, missing: value, "city": "Alderton"}, "PATCH")
    assert caught.value.errors == {missing: [f"The {missing.replace('_', ' ')} field is required."]}
    assert world.records("users")[0]["city"] is None


def test_email_is_unique_whatever_its_case(world: World) -> None:
    create(world, "users", **PERSON)
    errors = errors_of(world, "users", **{**PERSON, "email": "ANN@Example.test"})
    assert errors == {"email": ["The email has already been taken."]}


def test_a_user_may_keep_its_own_email_and_frees_the_old_one(world: World) -> None:
    user = create(world, "users", **PERSON, mobile_phone="+15045550123")
    world.update("users", user["id"], {**PERSON, "mobile_phone": "+15045550123"}, "PATCH")
    world.update("users", user["id"], {**PERSON, "email": "new@example.test", "mobile_phone": None}, "PATCH")
    other = create(world, "users", **PERSON, mobile_phone="+15045550123")
    assert other["email"] == "ann@example.test"


def test_mobile_phone_is_unique_and_work_phone_is_not(world: World) -> None:
    create(world, "users", **PERSON, mobile_phone="+15045550123", work_phone="+15045550123")
    second = {**PERSON, "email": "b@example.test", "work_phone": "+15045550123"}
    errors = errors_of(world, "users", **second, mobile_phone="+15045550123")
    assert errors == {"mobile_phone": ["The mobile phone has already been taken."]}
    create(world, "users", **second)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("email", "x@y", "The email must be a valid email address."),
        ("email", "a..b@example.test", "The email must be a valid email address."),
        ("gender", 2, "The selected gender is invalid."),
        ("gender", True, "The selected gender is invalid."),
        ("date_of_birth", "01/02/1990", "The date of birth does not match the format Y-m-d."),
        ("current_hire_date", "2015-02-30", "The current hire date does not match the format Y-m-d."),
        ("mobile_phone", "504-555-0123", "validation.phone"),
        ("work_phone", "+10123456789", "validation.phone"),
        ("system_access", "yes", "The system access field must be true or false."),
        ("home_site_id", 99, "The selected home site id is invalid."),
        ("current_title_id", 99, "The selected current title id is invalid."),
        ("roles", "Field", "The roles must be an array."),
        ("roles", [{"id": 7}], "The selected roles.0.id is invalid."),
        ("emp_id", 123, "The emp id must be a string."),
    ],
)
def test_a_wrong_value_is_refused_in_the_words_of_the_remote(world: World, field: str, value: Any, text: str) -> None:
    errors = errors_of(world, "users", **{**PERSON, field: value})
    assert [text] in errors.values()
    assert len(world.users) == 0


def test_the_message_counts_the_further_errors(world: World) -> None:
    with pytest.raises(RejectionError) as caught:
        world.create("users", {"email": "ann@example.test"})
    assert caught.value.body()["message"] == "The first name field is required. (and 1 more error)"
    with pytest.raises(RejectionError) as caught:
        world.create("users", {"gender": 5})
    assert caught.value.message == "The first name field is required. (and 3 more errors)"
    with pytest.raises(RejectionError) as caught:
        world.create("user_titles", {})
    assert caught.value.message == "The name field is required."


def test_titles_are_not_unique(world: World) -> None:
    assert create(world, "user_titles", name="Welder")["id"] == 2


def test_site_code_is_unique_and_external_code_is_ignored(world: World) -> None:
    create(world, "sites", name="A", cluster_id=2, ext_id="12345.")
    errors = errors_of(world, "sites", name="B", cluster_id=2, ext_id="12345.")
    assert errors == {"ext_id": ["The site code is already in use."]}
    assert create(world, "sites", name="C", cluster_id=2, external_code="X")["ext_id"] is None


def test_a_cluster_needs_a_parent_and_a_code_of_its_own(world: World) -> None:
    assert errors_of(world, "site_clusters", name="X")["parent_cluster_id"]
    errors = errors_of(world, "site_clusters", name="X", parent_cluster_id=1, external_code="n")
    assert errors == {"external_code": ["The cluster code is already in use."]}


def test_moving_a_cluster_moves_what_is_below_it(world: World) -> None:
    south = create(world, "site_clusters", name="South", parent_cluster_id=1)
    leaf = create(world, "site_clusters", name="Leaf", parent_cluster_id=2)
    assert (leaf["depth"], leaf["path"]) == (2, "/1/2/")
    body = {"name": "North", "parent_cluster_id": south["id"], "osha_establishment": 0}
    world.update("site_clusters", "2", body, "PUT")
    tree = [orjson.loads(root) for root in world.rows("site_clusters").read(0, 25)]
    north = tree[0]["children"][0]["children"][0]
    assert (north["name"], north["depth"]) == ("North", 2)
    assert (north["children"][0]["path"], north["children"][0]["depth"]) == ("/1/3/2/", 3)


@pytest.mark.parametrize("parent", [2, 3])
def test_a_cluster_cannot_be_moved_below_itself(world: World, parent: int) -> None:
    create(world, "site_clusters", name="Leaf", parent_cluster_id=2)
    body = {"name": "North", "parent_cluster_id": parent, "osha_establishment": 0}
    with pytest.raises(RejectionError):
        world.update("site_clusters", "2", body, "PUT")


def test_a_cluster_update_wants_all_required_fields(world: World) -> None:
    with pytest.raises(RejectionError) as caught:
        world.update("site_clusters", "2", {"name": "North"}, "PUT")
    assert set(caught.value.errors) == {"parent_cluster_id", "osha_establishment"}


def test_only_committed_writes_are_in_the_ledger_and_without_values(world: World) -> None:
    errors_of(world, "users", **{**PERSON, "gender": 9})
    user = create(world, "users", **PERSON)
    world.update("users", user["id"], {**PERSON, "city": "Alderton"}, "PATCH")
    world.edit("users", user["id"], {**PERSON, "city": "Elsewhere"})
    first, second = world.ledger.writes
    assert (first.method, first.path, first.id) == ("POST", "/api/users", user["id"])
    assert (second.method, second.path) == ("PATCH", f"/api/users/{user['id']}")
    assert second.fields == ("first_name", "last_name", "email", "city")
    assert "ann" not in repr(world.ledger.writes)
    assert world.ledger.count("POST", "/api/users") == 1
    assert world.ledger.count() == 2


def test_unknown_ids_and_read_only_resources_are_told_apart(world: World) -> None:
    with pytest.raises(UnknownRecordError):
        world.update("users", "ZZZZZ", PERSON, "PATCH")
    with pytest.raises(UnknownRecordError):
        world.update("sites", "99999999999999999999999", {"name": "A"}, "PUT")
    with pytest.raises(NotAllowedError):
        world.create("roles", {"name": "Boss"})


@pytest.fixture
def vehicle(world: World) -> int:
    """A type of asset at site 1."""
    category = world.asset_categories.add("Vehicles", world.stamp())
    return world.asset_types.add("Vehicle", 1, world.stamp(), category_id=category)


def test_an_asset_embeds_its_site_type_and_user(world: World, vehicle: int) -> None:
    user = create(world, "users", **PERSON)
    body = {"name": "Truck", "site_id": 1, "asset_type_id": vehicle, "vin": "X", "year": 2020}
    asset = create(world, "assets", **body, current_user_id=user["id"])
    assert (asset["site"]["id"], asset["asset_type"]["name"], asset["status"]) == (1, "Vehicle", 1)
    assert asset["current_user"]["email"] == PERSON["email"]
    assert not {"vin", "year"} & set(asset), "fields the account does not know are ignored"
    world.update("assets", str(asset["id"]), {**body, "status": 0, "current_user_id": None}, "PUT")
    changed = world.records("assets")[0]
    assert (changed["status"], changed["current_user"]) == (0, None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"site_id": None}, "site_id"),
        ({"asset_type_id": None}, "asset_type_id"),
        ({"site_id": 99}, "site_id"),
        ({"asset_type_id": "1"}, "asset_type_id"),
        ({"site_id": 2}, "site_id"),
        ({"status": 3}, "status"),
        ({"model": 7}, "model"),
        ({"current_user_id": "ZZZZZ"}, "current_user_id"),
    ],
)
def test_an_asset_must_stand_at_the_site_of_its_type(
    world: World, vehicle: int, changes: dict[str, Any], field: str
) -> None:
    world.add("sites", {"name": "Second", "cluster_id": 1})
    body = {"name": "Truck", "site_id": 1, "asset_type_id": vehicle, **changes}
    assert list(errors_of(world, "assets", **body)) == [field]
    assert world.records("assets") == []


def test_what_somebody_deleted_stays_in_the_list_and_keeps_what_is_unique(world: World) -> None:
    user = create(world, "users", **PERSON)
    world.delete("users", user["id"])
    world.delete("site_clusters", 2)
    assert world.records("users")[0]["deleted_at"]
    assert orjson.loads(world.rows("site_clusters").read(0, 25)[0])["children"][0]["deleted_at"]
    assert errors_of(world, "users", **PERSON) == {"email": ["The email has already been taken."]}
    assert world.ledger.count("DELETE") == 0


def test_ids_of_users_are_distinct_and_opaque() -> None:
    ids = [user_id(number) for number in range(50_000)]
    assert len(set(ids)) == 50_000
    assert {len(text) for text in ids} == {5}
    assert ids != sorted(ids)


def test_concurrent_creates_lose_nothing(world: World) -> None:
    def add(worker: int) -> None:
        for number in range(50):
            world.create("users", {**PERSON, "email": f"p{worker}.{number}@example.test"})

    threads = [threading.Thread(target=add, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({user["id"] for user in world.records("users")}) == len(world.ledger) == 200
