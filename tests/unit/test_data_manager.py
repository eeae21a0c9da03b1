"""The data manager: the plan's calls and what they promise."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from builders.data_managers import open_manager
from builders.manual_clock import ManualClock
from busway.contracts.records import Record
from busway.contracts.validators import Validation
from busway.data.manager import DataManager
from busway.data.memory_level import MemoryLevel
from busway.data.provenance import Provenance
from busway.errors import ConfigurationError, IncompleteReadError, UsageError
from busway.testing.caches import FakeCache


class Loader:
    """Counts its calls and returns or raises what it is told."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.calls = 0

    def __call__(self) -> Any:
        self.calls += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_saved_data_comes_back_until_its_time_is_over(clock: ManualClock) -> None:
    data = open_manager(clock=clock, randomness=lambda: 0.99)
    assert data.save_cache("viewpoint.projects", [1, 2], ttl_seconds=60, key="all") is True
    clock.advance(59.9)
    assert data.get_cached_data("viewpoint.projects", "all") == [1, 2]
    assert data.get_cached_data("viewpoint.projects") is None
    clock.advance(0.2)
    assert data.get_cached_data("viewpoint.projects", "all") is None


def test_the_policy_says_how_long_where_the_caller_does_not(clock: ManualClock) -> None:
    data = open_manager(clock=clock, tables={"vista": {"ttl": "5m", "jitter": 0.5}}, randomness=lambda: 0.4)
    data.save_cache("vista.employees", 1)
    provenance = data.provenance("vista.employees")
    assert provenance is not None
    assert provenance.ttl_seconds == pytest.approx(300 * (1 - 0.5 * 0.4))


def test_the_plans_call_loads_once_and_is_served_afterwards(clock: ManualClock) -> None:
    data, loader = open_manager(clock=clock), Loader([{"id": 1}])
    for _ in range(3):
        assert data.get_cached_data_with_fallback(
            name="viewpoint.projects", key="all", loader=loader, ttl_seconds=3600
        ) == [{"id": 1}]
    assert loader.calls == 1
    clock.advance(3600)
    data.get_cached_data_with_fallback("viewpoint.projects", "all", loader, 3600)
    assert loader.calls == 2
    assert (data.stats()["loads"], data.stats()["failed_loads"]) == (2, 0)


def test_the_jitter_shortens_what_is_loaded(clock: ManualClock) -> None:
    data = open_manager(clock=clock, randomness=lambda: 0.5)
    data.get_cached_data_with_fallback("d", None, Loader(1), 100)
    provenance = data.provenance("d")
    assert provenance is not None
    assert provenance.ttl_seconds == pytest.approx(95)


def test_none_is_a_value_like_any_other() -> None:
    data, loader = open_manager(), Loader(None)
    assert [data.get_or_populate("d", loader=loader) for _ in range(2)] == [None, None]
    assert loader.calls == 1


@pytest.mark.parametrize("saving", [True, False])
def test_the_plans_methods_hand_out_copies(saving: bool) -> None:
    data, mine = open_manager(), {"names": ["Ada"]}
    if saving:
        data.save_cache("d", mine)
    else:
        data.get_cached_data_with_fallback("d", None, lambda: mine, 60)["names"].append("first caller")
    mine["names"].append("after")
    data.get_cached_data("d")["names"].append("reader")
    data.get_cached_data_with_fallback("d", None, Loader(0), 60)["names"].append("another")
    assert data.get_cached_data("d") == {"names": ["Ada"]}


def test_values_are_shared_where_that_is_asked_for() -> None:
    data = open_manager(tables={"shared": {"isolation": "share"}})
    for name in ("shared", "copied"):
        data.save_cache(name, [1])
        assert data.get_or_populate(name, loader=Loader(0)) is data.get_or_populate(name, loader=Loader(0))
    assert data.get_cached_data("shared") is data.get_cached_data("shared")
    assert data.get_cached_data("copied") is not data.get_cached_data("copied")


def test_a_generator_is_read_to_its_end() -> None:
    data = open_manager()
    loader: Callable[[], Any] = lambda: (number for number in range(3))  # noqa: E731
    assert data.get_or_populate("d", loader=loader) == [0, 1, 2]
    assert data.get_or_populate("d", loader=loader) == [0, 1, 2]


def test_a_load_that_fails_is_raised_and_not_remembered() -> None:
    data, loader = open_manager(), Loader(IncompleteReadError("BW9999", "page 7 of 9 is missing"))
    for _ in range(2):
        with pytest.raises(IncompleteReadError):
            data.get_or_populate("d", loader=loader)
    assert loader.calls == 2
    assert data.get_cached_data("d") is None
    assert data.stats()["failed_loads"] == 2


def test_a_stale_value_is_served_when_the_load_fails_and_the_policy_allows_it(clock: ManualClock) -> None:
    data = open_manager(clock=clock, tables={"d": {"ttl": 60, "stale_on_error": "5m"}})
    data.save_cache("d", "old")
    clock.advance(61)
    broken = Loader(ConnectionError("gone"))
    assert data.get_cached_data("d") is None, "without a loader stale is a miss"
    assert data.get_or_populate("d", loader=broken) == "old"
    provenance = data.provenance("d")
    assert provenance is not None
    assert provenance.stale
    assert provenance.age_seconds == pytest.approx(61)
    assert data.stats()["stale_served"] == 1
    clock.advance(300)
    with pytest.raises(ConnectionError):
        data.get_or_populate("d", loader=broken)


def test_a_stale_value_is_replaced_when_the_load_succeeds(clock: ManualClock) -> None:
    data = open_manager(clock=clock, tables={"d": {"ttl": 60, "stale_on_error": "5m"}})
    data.save_cache("d", "old")
    clock.advance(61)
    assert data.get_or_populate("d", loader=Loader("new")) == "new"


def test_a_result_that_is_not_json_is_an_error_no_stale_value_hides(clock: ManualClock) -> None:
    data = open_manager(clock=clock, tables={"d": {"ttl": 60, "stale_on_error": "5m"}})
    data.save_cache("d", "old")
    clock.advance(61)
    with pytest.raises(UsageError, match="BW2003"):
        data.get_or_populate("d", loader=Loader({"day": object()}))


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf"), True, "60", 1e12])
def test_a_ttl_that_is_none_is_refused_before_anything_is_loaded(ttl: Any) -> None:
    data, loader = open_manager(), Loader(1)
    with pytest.raises(UsageError, match="BW2008"):
        data.get_cached_data_with_fallback("d", None, loader, ttl)
    with pytest.raises(UsageError, match="BW2008"):
        data.save_cache("d", 1, ttl)
    assert loader.calls == 0


def test_provenance_tells_where_a_value_comes_from(clock: ManualClock) -> None:
    shared = FakeCache(clock)
    data = open_manager(("memory", MemoryLevel(clock=clock)), ("shared", shared), clock=clock)
    created = clock.now_ns()
    data.save_cache("vista.employees", [1], 600, "E1", {"source": "vista nightly", "rows": 1})
    clock.advance(3)
    shared.away = True
    data.save_cache("other", 1)
    expected = Provenance("memory", 1, created, 600.0, "vista nightly", 3.0, False, True)
    found = data.provenance("vista.employees", "E1")
    assert found == Provenance(
        **{
            **_fields(expected),
            "metadata": {"source": "vista nightly", "rows": 1},
            "levels": {"memory": "up", "shared": "away"},
        }
    )
    assert data.provenance("vista.employees", "E2") is None


def _fields(provenance: Provenance) -> dict[str, Any]:
    return {name: getattr(provenance, name) for name in provenance.__slots__}


def test_provenance_moves_nothing_between_levels(clock: ManualClock) -> None:
    memory, shared = MemoryLevel(clock=clock), FakeCache(clock)
    open_manager(("shared", shared), clock=clock).save_cache("d", 1)
    data = open_manager(("memory", memory), ("shared", shared), clock=clock)
    for _ in range(2):
        provenance = data.provenance("d")
        assert provenance is not None
        assert provenance.level == "shared"
    assert len(memory) == 0


def test_the_loader_is_the_source_of_what_it_loads() -> None:
    data = open_manager()

    def read_projects() -> int:
        return 1

    data.get_or_populate("d", loader=read_projects)
    provenance = data.provenance("d")
    assert provenance is not None
    assert provenance.source.endswith("read_projects")


def test_warm_loads_even_what_is_fresh() -> None:
    data = open_manager()
    data.save_cache("d", "old")
    assert data.warm("d", Loader("new")) is True
    assert data.get_cached_data("d") == "new"


def test_many_threads_load_once_and_each_owns_its_copy() -> None:
    data, start, loader = open_manager(), threading.Barrier(32), Loader({"rows": [1]})

    def ask(_: int) -> Any:
        start.wait(10)
        return data.get_cached_data_with_fallback("vista.employees", "all", loader, 60)

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(32)))
    assert loader.calls == 1
    assert answers == [{"rows": [1]}] * 32
    assert len({id(answer) for answer in answers}) == 32


def test_without_lock_every_caller_loads_for_himself() -> None:
    data, both = open_manager(), threading.Barrier(2)

    def loader() -> int:
        return both.wait(10)  # passes only if two callers load at the same time

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(data.get_cached_data_with_fallback, "d", "k", loader, 60, False) for _ in range(2)]
        assert {one.result(10) for one in asked} == {0, 1}


def test_warming_and_reading_share_a_flight() -> None:
    data = open_manager()
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert go_on.wait(10)
        return "value"

    with ThreadPoolExecutor(4) as pool:
        warming = pool.submit(data.warm, "d", slow)
        assert begun.wait(10)
        reading = [pool.submit(data.get_or_populate, "d", loader=slow) for _ in range(2)]
        go_on.set()
        assert warming.result(10) is True
        assert [one.result(10) for one in reading] == ["value", "value"]


def test_save_says_whether_a_level_took_it(clock: ManualClock) -> None:
    shared = FakeCache(clock)
    data = open_manager(("shared", shared), clock=clock, tables={"people": {"sensitive": True}})
    assert data.save_cache("people", 1) is False, "no level may keep it"
    shared.away = True
    assert data.save_cache("d", 1) is False
    assert data.get_or_populate("d", loader=Loader(7)) == 7, "without any level the loader still serves"


def test_the_helpers_are_the_records_of_the_selected_integration(clock: ManualClock) -> None:
    employees = Loader([{"id": "E1"}])
    shared = FakeCache(clock)
    data = open_manager(
        ("memory", MemoryLevel(clock=clock)),
        ("shared", shared),
        clock=clock,
        loaders={
            "employee": employees,
            "site": lambda: [{"id": "S1"}],
            "title": lambda: [{"name": "Welder"}],
            "department": lambda: [{"id": "D1"}],
            "vehicle": list,
        },
    )
    data.get_employees()[0]["id"] = "changed"
    assert data.get_employees() == [{"id": "E1"}]
    assert employees.calls == 1
    assert (data.get_jobs(), data.get_titles()) == ([{"id": "S1"}], [{"name": "Welder"}])
    assert (data.get_departments(), data.get_vehicles()) == ([{"id": "D1"}], [])
    assert shared.held == {}, "records about people are not stored in clear"
    assert open_manager(loaders={"job": lambda: [{"id": "J1"}]}).get_jobs() == [{"id": "J1"}]


@pytest.mark.parametrize("helper", ["get_employees", "get_jobs", "get_titles", "get_departments", "get_vehicles"])
def test_a_helper_without_integration_says_what_to_select(helper: str) -> None:
    with pytest.raises(ConfigurationError, match="BW2004") as caught:
        getattr(open_manager(), helper)()
    assert "[plugins] jobs" in caught.value.problem.fix


class Upper:
    entity = "employee"

    def validate(self, record: Record) -> Validation:
        name = str(record.get("name", "")).upper()
        return Validation({**record, "name": name}, () if name else ("name: missing",), ("name: was changed",))


class Short:
    entity = "employee"

    def validate(self, record: Record) -> Validation:
        return Validation(record, () if record["name"] != "ZOE" else ("name: too short",))


def test_validators_run_in_order_and_receive_the_record_before(caplog: pytest.LogCaptureFixture) -> None:
    data = open_manager(validators={"employee": [Upper(), Short()]})
    payload = {"name": "zoe", "tags": ["x"]}
    assert data.validate_employee_data(payload, "E1", "Zoe Smith") == (
        False,
        ["name: too short"],
        {"name": "ZOE", "tags": ["x"]},
    )
    assert payload == {"name": "zoe", "tags": ["x"]}
    assert data.validate_employee_data({"name": "Ada"}, "E2", "Ada") == (True, [], {"name": "ADA"})
    assert data.validate_employee_data({}, "E3", "")[:2] == (False, ["name: missing"])
    assert "employee E1: name: was changed" in caplog.text
    assert "Smith" not in caplog.text


def test_validation_without_validators_says_what_to_select() -> None:
    with pytest.raises(ConfigurationError, match="BW2004") as caught:
        open_manager().validate_employee_data({}, "E1", "x")
    assert "[plugins] validators" in caught.value.problem.fix


def test_an_unbound_manager_binds_at_its_first_use_and_only_once() -> None:
    target, asked = open_manager(), []
    target.save_cache("d", 1)

    def binder() -> DataManager:
        asked.append(1)
        return target

    door = DataManager(binder)
    assert not asked
    assert door.get_cached_data("d") == 1
    assert door.get_cached_data("d") == 1
    assert asked == [1]
    other = open_manager()
    door.adopt(other)
    assert door.get_cached_data("d") is None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = door.nonsense  # type: ignore[attr-defined]


def test_a_manager_of_no_app_says_so() -> None:
    with pytest.raises(UsageError, match="BW2009"):
        DataManager().get_cached_data("d")
    DataManager().close()


def test_a_closed_manager_still_loads() -> None:
    data = open_manager()
    data.save_cache("d", 1)
    data.close()
    data.close()
    assert data.get_cached_data("d") is None
    assert data.get_or_populate("d", loader=Loader(2)) == 2


def test_a_loader_that_asks_for_itself_is_told() -> None:
    data = open_manager()
    with pytest.raises(UsageError, match="BW2007"):
        data.get_or_populate("d", loader=lambda: data.get_or_populate("d", loader=Loader(1)))
