"""Every fault of the sandbox, met by the real client: what it raises, and what the write ledger shows afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from builders.safetyamp_parts import Remote, StillClock, safetyamp_client
from busway.contracts.clock import SystemClock
from busway.errors import BuswayError, IncompleteReadError, RefusedError, RejectedRecordError, UnreachableError
from busway.stores.local_coordinator import LocalCoordinator
from busway_safetyamp.client import SafetyAmpClient
from busway_safetyamp.sandbox.api import PageLimit
from busway_safetyamp.sandbox.fault import Fault, FaultKind
from busway_safetyamp.sandbox.limiter import RetryAfter
from busway_safetyamp.sandbox.server import Sandbox
from busway_safetyamp.sandbox.world import World

PERSON = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.test", "emp_id": "4711"}
SITE = {"name": "10001. - Garage", "ext_id": "10001.", "cluster_id": 1}


@pytest.fixture
def world() -> World:
    """Sixty users, so that their list has three pages."""
    world = World()
    root = world.clusters.add_root("Root", world.stamp())
    world.add("sites", {"name": "Root Office", "cluster_id": root})
    world.roles.add("Field", world.stamp())
    for number in range(60):
        person = {"first_name": "A", "last_name": "B", "email": f"u{number}@example.test", "emp_id": str(number)}
        world.add("users", person)
    return world


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    with Sandbox(world, quota=None) as sandbox:
        yield sandbox


@contextmanager
def opened(sandbox: Sandbox, remote: Remote | None = None, **changes: Any) -> Iterator[SafetyAmpClient]:
    settings = {"token": sandbox.token, "fqdn": sandbox.fqdn, **changes}
    client = safetyamp_client(sandbox.url, remote or Remote(), **settings)
    try:
        yield client
    finally:
        client.close()


def impatient() -> Remote:
    """One attempt, by the real clock, with time-outs that a test can wait for."""
    return Remote(SystemClock(), attempts=1, read_seconds=0.15, attempt_seconds=0.3)


# -- a list that cannot be had whole: an error, and nothing written

SECOND_PAGE = {"resource": "users", "page": 1}
READS: dict[FaultKind, tuple[dict[str, Any], type[BuswayError], str, int]] = {
    FaultKind.FAIL: ({**SECOND_PAGE, "status": 500}, UnreachableError, "BW5101", 2),
    FaultKind.THROTTLE: ({**SECOND_PAGE, "retry_after": "400"}, UnreachableError, "BW5103", 2),
    FaultKind.HTML: ({**SECOND_PAGE}, RefusedError, "BW5002", 2),
    FaultKind.SHAPELESS: ({**SECOND_PAGE}, RefusedError, "BW5005", 2),
    FaultKind.EMPTY: ({**SECOND_PAGE}, IncompleteReadError, "BW5104", 3),
    FaultKind.SHORTEN: ({**SECOND_PAGE}, IncompleteReadError, "BW5104", 3),
    FaultKind.REPEAT: ({**SECOND_PAGE}, IncompleteReadError, "BW5104", 2),
    FaultKind.SHUFFLE: ({"resource": "users"}, IncompleteReadError, "BW5104", 2),
    FaultKind.TRUNCATE: ({**SECOND_PAGE}, UnreachableError, "BW5102", 6),
    FaultKind.DROP: ({**SECOND_PAGE}, UnreachableError, "BW5102", 6),
}
SLOW_READS = {FaultKind.SLOW: {"seconds": 0.05}, FaultKind.HANG: {}}


@pytest.mark.parametrize("kind", list(READS), ids=str)
def test_a_list_that_cannot_be_had_whole_is_an_error(sandbox: Sandbox, kind: FaultKind) -> None:
    options, error, code, calls = READS[kind]
    sandbox.faults.arm(Fault(kind, **options))
    with opened(sandbox) as client, pytest.raises(error, match=code):
        client.users()
    assert (len(sandbox.ledger), sandbox.calls) == (0, calls)


@pytest.mark.parametrize("kind", list(READS), ids=str)
def test_a_fault_that_passes_leaves_the_list_whole_or_an_error(sandbox: Sandbox, kind: FaultKind) -> None:
    """What strikes once and may pass is tried again; what may have lost records never passes for the list."""
    options, _, _, _ = READS[kind]
    sandbox.faults.arm(Fault(kind, **{**options, "status": 503, "retry_after": "2", "times": 1}))
    passing = (FaultKind.FAIL, FaultKind.THROTTLE, FaultKind.TRUNCATE, FaultKind.DROP)
    with opened(sandbox) as client:
        if kind in passing:
            assert len(client.users()) == 60
        else:
            with pytest.raises(BuswayError):
                client.users()
            assert len(client.users()) == 60, "and the next time it is whole"
    assert len(sandbox.ledger) == 0


@pytest.mark.parametrize("resource", ["users", "roles", "site_clusters"])
def test_an_empty_list_that_never_is_empty_is_an_error(sandbox: Sandbox, resource: str) -> None:
    sandbox.faults.arm(Fault(FaultKind.EMPTY, resource))
    with opened(sandbox) as client, pytest.raises(IncompleteReadError, match="BW5104"):
        getattr(client, resource)()
    assert len(sandbox.ledger) == 0


@pytest.mark.parametrize("kind", list(SLOW_READS), ids=str)
def test_d18_a_page_that_does_not_come_in_time_is_an_error(sandbox: Sandbox, kind: FaultKind) -> None:
    sandbox.faults.arm(Fault(kind, **{**SECOND_PAGE, **SLOW_READS[kind]}))
    with opened(sandbox, impatient()) as client, pytest.raises(UnreachableError, match="BW5102"):
        client.users()
    assert len(sandbox.ledger) == 0


@pytest.mark.parametrize("calls", [0, 2])
def test_a_key_that_is_refused_half_way_ends_the_read(sandbox: Sandbox, calls: int) -> None:
    sandbox.faults.refuse_after(calls)
    with opened(sandbox) as client:
        with pytest.raises(RefusedError, match="BW5001"):
            client.users()
        with pytest.raises(RefusedError, match="BW5001") as caught:
            client.create_user(PERSON)
    assert (caught.value.ambiguous, len(sandbox.ledger)) == (False, 0)


def test_a_page_size_that_is_cut_in_silence_is_noticed_and_one_that_is_refused_is_told(world: World) -> None:
    with (
        Sandbox(world, quota=None, page_limit=PageLimit(50, refuses=False)) as cutting,
        opened(cutting, page_size=100) as client,
        pytest.raises(IncompleteReadError, match="BW5104"),
    ):
        client.users()
    with Sandbox(world, quota=None, page_limit=PageLimit(50)) as refusing:
        with opened(refusing, page_size=100) as client, pytest.raises(RefusedError, match="BW5004"):
            client.users()
        with opened(refusing, page_size=50) as client:
            assert len(client.users()) == 60


# -- a write that went wrong: exactly what the ledger says

WRITES: dict[FaultKind, tuple[dict[str, Any], type[BuswayError], str, bool, int]] = {
    FaultKind.FAIL: ({"status": 500}, UnreachableError, "BW5101", True, 0),
    FaultKind.FAIL_AFTER_COMMIT: ({"status": 502}, UnreachableError, "BW5101", True, 1),
    FaultKind.THROTTLE: ({}, UnreachableError, "BW5103", False, 0),
    FaultKind.HTML: ({}, RefusedError, "BW5002", True, 0),
    FaultKind.SHAPELESS: ({}, RefusedError, "BW5005", True, 1),
    FaultKind.TRUNCATE: ({}, UnreachableError, "BW5102", True, 1),
    FaultKind.DROP: ({}, UnreachableError, "BW5102", True, 0),
    FaultKind.RESET: ({}, UnreachableError, "BW5102", True, 1),
}
SLOW_WRITES = {FaultKind.SLOW: ({"seconds": 0.05}, 1), FaultKind.HANG: ({}, 0)}


@pytest.mark.parametrize("kind", list(WRITES), ids=str)
def test_a_create_that_went_wrong_is_sent_once_and_read_back(sandbox: Sandbox, kind: FaultKind) -> None:
    options, error, code, ambiguous, written = WRITES[kind]
    sandbox.faults.arm(Fault(kind, **options))
    with opened(sandbox) as client:
        with pytest.raises(error, match=code) as caught:
            client.create_user(PERSON)
        assert getattr(caught.value, "ambiguous", None) is ambiguous
        assert sandbox.ledger.count("POST", "/api/users") == written, "never twice"
        sandbox.faults.clear()
        assert (client.find_user("4711") is not None) is bool(written)


@pytest.mark.parametrize("kind", list(SLOW_WRITES), ids=str)
def test_a_create_that_is_not_answered_in_time_is_sent_once(sandbox: Sandbox, kind: FaultKind) -> None:
    options, written = SLOW_WRITES[kind]
    sandbox.faults.arm(Fault(kind, **options))
    with opened(sandbox, impatient()) as client, pytest.raises(UnreachableError, match="BW5102") as caught:
        client.create_user(PERSON)
    assert caught.value.ambiguous is True
    # The client may have gone before the account got round to it; that it is not done twice is known by then, too.
    deadline = time.monotonic() + 10
    while sandbox.ledger.count("POST") < written and time.monotonic() < deadline:
        time.sleep(0.005)
    assert sandbox.ledger.count("POST") == written


@pytest.mark.parametrize("status", [429, 503])
def test_a_create_that_was_turned_away_is_repeated_and_made_once(sandbox: Sandbox, status: int) -> None:
    sandbox.faults.arm(Fault(FaultKind.FAIL, "users", status=status, times=2))
    with opened(sandbox) as client:
        created = client.create_user(PERSON)
    assert [(write.method, write.id) for write in sandbox.ledger.writes] == [("POST", created["id"])]


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.TRUNCATE, FaultKind.FAIL_AFTER_COMMIT], ids=str)
def test_an_update_whose_answer_was_lost_is_repeated_and_changes_nothing_more(
    sandbox: Sandbox, world: World, kind: FaultKind
) -> None:
    user = world.records("users")[0]
    sandbox.faults.arm(Fault(kind, "users", status=502, times=1))
    with opened(sandbox) as client:
        client.update_user(user["id"], {**PERSON, "city": "Alderton"})
    assert {(write.method, write.id) for write in sandbox.ledger.writes} == {("PATCH", user["id"])}
    assert sandbox.ledger.count() == 2, "both set the same values"
    assert world.records("users")[0]["city"] == "Alderton"


def test_a_site_code_that_is_ignored_in_silence_ends_it_after_one_site(sandbox: Sandbox) -> None:
    sandbox.faults.arm(Fault(FaultKind.IGNORE, "sites", field="ext_id"))
    with opened(sandbox) as client, pytest.raises(RefusedError, match="BW5009") as caught:
        client.create_site(SITE)
    assert not isinstance(caught.value, RejectedRecordError)
    assert sandbox.ledger.count("POST", "/api/sites") == sandbox.ledger.count() == 1


def test_a_site_is_refused_under_the_field_this_account_does_not_know(sandbox: Sandbox) -> None:
    named = {"name": SITE["name"], "external_code": SITE["ext_id"], "cluster_id": 1}
    with opened(sandbox, site_code_field="external_code") as client, pytest.raises(RefusedError, match="BW5009"):
        client.create_site(named)
    with opened(sandbox) as client:
        assert client.create_site(SITE)["ext_id"] == "10001."
        assert client.find_site("10001.") is not None


def test_a_record_the_account_refuses_is_told_with_its_fields_and_not_written(sandbox: Sandbox) -> None:
    with opened(sandbox) as client, pytest.raises(RejectedRecordError, match="BW5003") as caught:
        client.create_user({**PERSON, "email": "u3@example.test", "gender": 9, "mobile_phone": "555"})
    assert caught.value.fields == {
        "gender": ("The selected gender is invalid.",),
        "mobile_phone": ("validation.phone",),
        "email": ("The email has already been taken.",),
    }
    assert getattr(caught.value, "body", "").startswith('{"message":"The selected gender is invalid. (and 2 more')
    assert len(sandbox.ledger) == 0


def test_every_fault_is_met_in_a_read_and_in_a_write() -> None:
    of_lists = {FaultKind.EMPTY, FaultKind.SHORTEN, FaultKind.REPEAT, FaultKind.SHUFFLE}
    of_writes = {FaultKind.FAIL_AFTER_COMMIT, FaultKind.RESET, FaultKind.IGNORE}
    assert set(READS) | set(SLOW_READS) | of_writes == set(FaultKind)
    assert set(WRITES) | set(SLOW_WRITES) | of_lists | {FaultKind.IGNORE} == set(FaultKind)


# -- quota modes


@pytest.mark.parametrize("mode", list(RetryAfter), ids=str)
def test_the_account_says_when_to_come_back_and_the_client_does(world: World, mode: RetryAfter) -> None:
    clock = StillClock()
    with (
        Sandbox(world, quota=2, period=10, clock=clock, retry_after=mode) as sandbox,
        opened(sandbox, Remote(clock)) as client,
    ):
        assert len(client.users()) == 60
        client.create_user(PERSON)
    assert sandbox.answers[429] >= 1
    assert 20 <= clock.passed < 41, "two periods, and without a header what the back-off adds"
    assert sandbox.ledger.count("POST") == sandbox.ledger.count() == 1


def test_a_client_that_keeps_the_quota_is_never_refused(world: World, tmp_path: Path) -> None:
    clock = StillClock()
    coordinator = LocalCoordinator(tmp_path, clock)
    remote = Remote(clock, coordinator=coordinator)
    with (
        Sandbox(world, quota=60, period=60, clock=clock) as sandbox,
        opened(sandbox, remote, rate_limit_calls=60) as client,
    ):
        for _ in range(32):
            client.users()
    coordinator.close()
    assert sandbox.answers == {200: 128}
    assert clock.passed == pytest.approx(122, abs=0.1)
