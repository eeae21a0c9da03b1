"""The fleet: the real client against the sandbox, cursors, empty pages, fractional waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from builders.safetyamp_parts import Remote, StillClock, samsara_client
from busway.errors import BuswayError, ConfigurationError, IncompleteReadError, RefusedError, UnreachableError
from busway.stores.local_coordinator import LocalCoordinator
from busway_safetyamp.samsara.client import SamsaraClient
from busway_safetyamp.sandbox.fault import Fault, FaultKind
from busway_safetyamp.sandbox.fleet import Fleet
from busway_safetyamp.sandbox.limiter import RetryAfter
from busway_safetyamp.sandbox.samsara import SamsaraSandbox

NOW = datetime(2026, 3, 10, tzinfo=UTC)
PEOPLE = [{"Employee": 10_000 + at, "FirstName": "Ann ", "LastName": f"L{at}"} for at in range(400)]


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    """Twenty vehicles and twenty drivers, two of whom are deactivated."""
    return Fleet(7, PEOPLE, now=NOW)


@pytest.fixture
def sandbox(fleet: Fleet) -> Iterator[SamsaraSandbox]:
    with SamsaraSandbox(fleet, quota=None) as sandbox:
        yield sandbox


@contextmanager
def opened(sandbox: SamsaraSandbox, remote: Remote | None = None, **changes: Any) -> Iterator[SamsaraClient]:
    client = samsara_client(sandbox.url, sandbox.token, remote, **changes)
    try:
        yield client
    finally:
        client.close()


def test_every_vehicle_and_driver_comes_in_one_page(sandbox: SamsaraSandbox, fleet: Fleet) -> None:
    with opened(sandbox) as client:
        vehicles, drivers, gone = client.vehicles(), client.drivers(), client.drivers("deactivated")
    assert list(vehicles) == fleet.vehicles
    assert [len(drivers), len(gone), drivers.pages] == [18, 2, 1]
    assert sandbox.answers == {200: 3}, "one paged list, not one call for each vehicle"


@pytest.mark.parametrize(("size", "pages"), [(1, 20), (7, 3), (20, 1), (512, 1)])
def test_cursors_are_followed_to_the_last_page(sandbox: SamsaraSandbox, size: int, pages: int) -> None:
    with opened(sandbox, samsara_page_size=size) as client:
        found = client.vehicles()
    assert (len(found), found.pages) == (20, pages)


def test_pages_that_are_empty_are_not_the_end(sandbox: SamsaraSandbox, fleet: Fleet) -> None:
    with opened(sandbox, samsara_page_size=1) as client:
        gone = client.drivers("deactivated")
    assert [driver["id"] for driver in gone] == [fleet.drivers[9]["id"], fleet.drivers[19]["id"]]
    assert gone.pages == 20, "eighteen of them empty"


def test_tags_narrow_the_list(sandbox: SamsaraSandbox) -> None:
    with opened(sandbox, samsara_tag_ids=["301"], samsara_page_size=4) as client:
        assert {vehicle["tags"][0]["id"] for vehicle in client.vehicles()} == {"301"}
    with opened(sandbox, samsara_parent_tag_ids=["999"]) as client:
        assert len(client.vehicles()) == 0


LASTING: dict[FaultKind, tuple[dict[str, Any], type[BuswayError], str]] = {
    FaultKind.FAIL: ({"status": 500}, UnreachableError, "BW5101"),
    FaultKind.THROTTLE: ({"retry_after": "400"}, UnreachableError, "BW5103"),
    FaultKind.HTML: ({}, RefusedError, "BW5002"),
    FaultKind.SHAPELESS: ({}, RefusedError, "BW5005"),
    FaultKind.TRUNCATE: ({}, UnreachableError, "BW5102"),
    FaultKind.DROP: ({}, UnreachableError, "BW5102"),
    FaultKind.REPEAT: ({}, IncompleteReadError, "BW5104"),
    FaultKind.SHUFFLE: ({}, IncompleteReadError, "BW5104"),
}


@pytest.mark.parametrize("kind", list(LASTING), ids=str)
def test_a_list_that_cannot_be_had_whole_is_an_error(sandbox: SamsaraSandbox, kind: FaultKind) -> None:
    options, expected, code = LASTING[kind]
    sandbox.faults.arm(Fault(kind, "vehicles", 1, **options))
    with opened(sandbox, samsara_page_size=7) as client, pytest.raises(expected, match=code):
        client.vehicles()


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_refused_is_told_with_its_scopes(sandbox: SamsaraSandbox, status: int) -> None:
    sandbox.faults.arm(Fault(FaultKind.FAIL, "drivers", status=status))
    with opened(sandbox) as client:
        client.vehicles()
        with pytest.raises(RefusedError, match="BW5011") as caught:
            client.drivers()
    assert "Read Drivers" in caught.value.problem.fix
    assert (getattr(caught.value, "request_id", ""), caught.value.status) == (f"sandbox-{status}", status)


def test_a_wrong_token_and_none_at_all(sandbox: SamsaraSandbox) -> None:
    with opened(sandbox, samsara_key="canary-9") as client, pytest.raises(RefusedError, match="BW5011") as caught:
        client.vehicles()
    assert "canary" not in caught.value.render()
    with opened(sandbox, samsara_key=None) as client, pytest.raises(ConfigurationError, match="BW5014"):
        client.vehicles()
    assert sandbox.answers == {401: 1}


def test_a_cursor_that_has_expired_is_refused(sandbox: SamsaraSandbox) -> None:
    sandbox.faults.arm(Fault(FaultKind.FAIL, "vehicles", 2, status=400))
    with opened(sandbox, samsara_page_size=7) as client, pytest.raises(RefusedError, match="BW5004"):
        client.vehicles()


@pytest.mark.parametrize("mode", list(RetryAfter), ids=str)
def test_the_wait_it_asks_for_is_kept_to_the_fraction(fleet: Fleet, mode: RetryAfter) -> None:
    clock = StillClock()
    with (
        SamsaraSandbox(fleet, quota=3, period=2.5, clock=clock, retry_after=mode) as sandbox,
        opened(sandbox, Remote(clock), samsara_page_size=5) as client,
    ):
        assert len(client.vehicles()) == 20
    assert sandbox.answers[200] == 4
    if mode is RetryAfter.FRACTIONAL:
        assert (sandbox.answers[429], clock.passed) == (1, pytest.approx(2.5, abs=0.01))
    assert 2.5 <= clock.passed < 8


def test_its_quota_is_kept_by_all_processes_together(fleet: Fleet, tmp_path: Path) -> None:
    clock = StillClock()
    coordinator = LocalCoordinator(tmp_path, clock)
    limits = {"samsara_rate_limit_calls": 3, "samsara_rate_limit_period": 2.5, "samsara_page_size": 2}
    with (
        SamsaraSandbox(fleet, quota=3, period=2.5, clock=clock) as sandbox,
        opened(sandbox, Remote(clock, coordinator=coordinator), **limits) as client,
    ):
        assert len(client.vehicles()) == 20
    coordinator.close()
    assert sandbox.answers == {200: 10}
    assert clock.passed == pytest.approx(3 * 2.5875, abs=0.1), "with the margin of the limiter"


def answering(*pages: Any) -> SamsaraClient:
    left = list(pages)
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=left.pop(0) if len(left) > 1 else left[0]))
    return samsara_client("https://api.example.test", "t", Remote(transport=transport))


def page(*ids: str, cursor: Any = "", more: Any = False) -> dict[str, Any]:
    return {"data": [{"id": one} for one in ids], "pagination": {"endCursor": cursor, "hasNextPage": more}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": []},
        {"data": [], "pagination": {}},
        {"data": [], "pagination": {"hasNextPage": "no"}},
        {"data": [], "pagination": []},
        page(more=True),
        page(more=True, cursor=None),
        page(more=True, cursor=7),
        {"data": {}, "pagination": {"hasNextPage": False}},
        {"data": [{"name": "no id"}], "pagination": {"hasNextPage": False}},
        [],
        7,
    ],
)
def test_an_answer_that_does_not_say_how_it_goes_on_is_refused(wrong: Any) -> None:
    with pytest.raises(RefusedError, match="BW5005"):
        answering(wrong).vehicles()


def test_cursors_that_go_round_in_a_circle_end() -> None:
    with pytest.raises(IncompleteReadError, match="BW5104"):
        answering(page("1", cursor="a", more=True), page("2", cursor="a", more=True)).vehicles()


def test_a_probe_asks_for_one_of_each(sandbox: SamsaraSandbox) -> None:
    with opened(sandbox) as client:
        assert client.probe() == (1, 1)
    assert sandbox.answers == {200: 2}


def test_the_same_seed_gives_the_same_fleet_with_its_flaws(fleet: Fleet) -> None:
    assert Fleet(7, PEOPLE, now=NOW).vehicles == fleet.vehicles
    assert Fleet(8, PEOPLE, now=NOW).vehicles != fleet.vehicles
    assert any("serial" not in vehicle for vehicle in fleet.vehicles)
    assert any("licensePlate" not in vehicle for vehicle in fleet.vehicles)
    assert any("staticAssignedDriver" not in vehicle for vehicle in fleet.vehicles)
    assert len({vehicle["vin"] for vehicle in fleet.vehicles}) == len(fleet.vehicles)
