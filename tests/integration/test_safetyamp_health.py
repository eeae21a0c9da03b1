"""Health checks against real servers: status and shape are asserted, and the quota is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from builders.safetyamp_parts import (
    TOKEN,
    AwayCoordinator,
    StillClock,
    limiters,
    make_vista,
    person,
    safetyamp_settings,
)
from busway.contracts.health import HealthCheck, HealthResult
from busway.contracts.plugins import PluginContext
from busway.errors import ConfigurationError
from busway.stores.local_coordinator import LocalCoordinator
from busway_safetyamp import busway_health_checks
from busway_safetyamp.connections import Connections
from busway_safetyamp.settings import DEFAULT_USER_AGENT, SafetyAmpSettings

GRAPH = {"graph_tenant_id": "tenant", "graph_client_id": "app", "graph_client_secret": "canary-5"}
ROLE = {"data": [{"id": 3, "name": "Field"}]}


class Remotes:
    """Answers by path, and keeps what it was asked."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.asked: list[str] = []
        self._answers = answers
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        answer = self._answers[request.url.path]
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return httpx.Response(status, json=body) if not isinstance(body, str) else httpx.Response(status, text=body)


def context(
    remotes: Remotes | None = None, root: Path = Path(), clock: StillClock | None = None, **changes: Any
) -> PluginContext[SafetyAmpSettings]:
    doubles: dict[str, object] = {"http_transport": remotes.transport} if remotes else {}
    settings = safetyamp_settings(**changes)
    return PluginContext("safetyamp", settings, root=root, clock=clock or StillClock(), doubles=doubles)


def checks(made: PluginContext[SafetyAmpSettings]) -> dict[str, HealthCheck]:
    return {found.name: found for found in busway_health_checks(made)}


def check(name: str, remotes: Remotes | None = None, root: Path = Path(), **changes: Any) -> HealthResult:
    result = checks(context(remotes, root, **changes))[name].run()
    assert TOKEN not in result.detail + result.fix
    assert "canary" not in result.detail + result.fix
    return result


def test_there_is_one_check_for_each_remote_that_is_used() -> None:
    assert {name: found.online for name, found in checks(context()).items()} == {
        "safetyamp.user_agent": False,
        "safetyamp.vista_address": False,
        "safetyamp.api": True,
        "safetyamp.vista": True,
    }
    everything = context(enrichment="required", samsara_key="canary-6", **GRAPH)
    assert set(checks(everything)) - set(checks(context())) == {"safetyamp.graph", "safetyamp.samsara"}


def test_the_default_user_agent_is_a_warning() -> None:
    result = check("safetyamp.user_agent", user_agent=DEFAULT_USER_AGENT)
    assert (result.status, "SAFETYAMP_USER_AGENT" in result.fix) == ("degraded", True)
    assert check("safetyamp.user_agent").status == "ok"


def test_an_api_that_accepts_the_key_and_shows_a_role_is_ok() -> None:
    remotes = Remotes({"/api/roles": ROLE})
    result = check("safetyamp.api", remotes)
    assert (result.status, remotes.asked) == ("ok", ["/api/roles"])
    assert "has a role Field" in result.detail


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((401, {"message": "x"}), "BW5001"),
        ((500, {"message": "x"}), "BW5101"),
        ((503, {"message": "x"}), "BW5101"),
        ((429, {"message": "x"}), "BW5103"),
        ((200, "<html>Sign in</html>"), "BW5002"),
        ({"data": []}, "BW5005"),
        ({"data": {"id": 1}}, "BW5005"),
        ({"roles": []}, "BW5005"),
        ({"data": [{"id": 1}]}, "BW5005"),
    ],
)
def test_d57_an_api_that_does_not_is_failed_after_one_call(answer: Any, code: str) -> None:
    remotes = Remotes({"/api/roles": answer})
    result = check("safetyamp.api", remotes)
    assert (result.status, len(remotes.asked)) == ("failed", 1)
    assert code in result.detail
    assert result.fix


def test_that_no_database_is_named_is_seen_without_asking_one() -> None:
    def lacking() -> str:
        raise ConfigurationError("BW1202", "SQL_SERVER is not set")

    made = replace(context(vista_url=None), sql_connection_string=lacking)
    result = checks(made)["safetyamp.vista_address"].run()
    assert (result.status, result.detail.split(":")[0]) == ("failed", "BW5107")
    assert check("safetyamp.vista_address").status == "ok"


def test_the_database_must_have_its_tables_and_somebody_in_them(tmp_path: Path) -> None:
    assert "BW5105" in check("safetyamp.vista", root=tmp_path).detail
    make_vista(tmp_path / "vista.db", bPREH=[person(1), person(2, PRCo=2)])
    found = check("safetyamp.vista", root=tmp_path)
    assert (found.status, found.detail) == ("ok", "every table is there; 1 active people in company 1")
    nobody = check("safetyamp.vista", root=tmp_path, vista_companies="3")
    assert (nobody.status, nobody.fix) == ("degraded", "busway config explain VISTA_COMPANIES")
    assert "BW5106" in check("safetyamp.vista", root=tmp_path, vista_table_prefix="x").detail


SIGN_IN = {
    "/tenant/v2.0/.well-known/openid-configuration": {
        "authorization_endpoint": "https://login.example.test/authorize",
        "token_endpoint": "https://login.example.test/token",
        "issuer": "https://login.example.test/tenant",
    },
    "/token": {"access_token": "t", "token_type": "Bearer", "expires_in": 3599},
}


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        ({"value": [{"id": "u"}]}, "ok", "lets the application read users"),
        ({"value": []}, "degraded", "no enabled user"),
        ((403, {"error": {"code": "Authorization_RequestDenied", "message": "x"}}), "failed", "BW5013"),
        ({"users": []}, "failed", "BW5005"),
    ],
)
def test_the_directory_must_let_users_be_read(answer: Any, status: str, told: str) -> None:
    remotes = Remotes({**SIGN_IN, "/v1.0/users": answer})
    settings = {"enrichment": "required", "graph_authority": "https://login.example.test", **GRAPH}
    result = check("safetyamp.graph", remotes, **settings)
    assert result.status == status
    assert told in result.detail


def page(*rows: Any) -> Any:
    return {"data": list(rows), "pagination": {"endCursor": "", "hasNextPage": False}}


@pytest.mark.parametrize(
    ("vehicles", "drivers", "status", "told"),
    [
        (page({"id": "1"}), page({"id": "2"}), "ok", "vehicles and drivers"),
        (page(), page({"id": "2"}), "degraded", "no vehicles"),
        (page({"id": "1"}), page(), "degraded", "no drivers"),
        (page({"id": "1"}), (401, {"message": "x", "requestId": "r"}), "failed", "BW5011"),
        ({"data": []}, page(), "failed", "BW5005"),
    ],
)
def test_the_fleet_must_show_vehicles_and_drivers(vehicles: Any, drivers: Any, status: str, told: str) -> None:
    remotes = Remotes({"/fleet/vehicles": vehicles, "/fleet/drivers": drivers})
    result = check("safetyamp.samsara", remotes, samsara_key="canary-6", samsara_rate_limit_calls=0)
    assert result.status == status
    assert told in result.detail


@pytest.mark.parametrize(("answer", "lasts"), [(ROLE, 300), ((500, {"message": "x"}), 30)])
def test_d58_an_answer_is_used_for_a_while_and_bad_news_for_a_shorter_one(answer: Any, lasts: int) -> None:
    remotes, clock = Remotes({"/api/roles": answer}), StillClock()
    run = checks(context(remotes, clock=clock))["safetyamp.api"].run
    first = run()
    for _ in range(lasts // 10 - 1):
        clock.sleep(10)
        assert run().status == first.status
    assert len(remotes.asked) == 1, "a probe every ten seconds costs no call"
    assert f"(asked {lasts - 10} s ago)" in run().detail
    clock.sleep(10)
    assert run() == first
    assert len(remotes.asked) == 2


def test_how_long_an_answer_is_used_can_be_set() -> None:
    remotes = Remotes({"/api/roles": ROLE})
    run = checks(context(remotes, health_seconds=0))["safetyamp.api"].run
    run(), run()
    assert len(remotes.asked) == 2


@pytest.fixture
def coordinated(tmp_path: Path) -> Iterator[Callable[..., PluginContext[SafetyAmpSettings]]]:
    """A context with a quota of 20 calls, of which the console has one."""
    opened: list[LocalCoordinator] = []

    def made(remotes: Remotes, clock: StillClock) -> PluginContext[SafetyAmpSettings]:
        coordinator = LocalCoordinator(tmp_path, clock)
        opened.append(coordinator)
        doubles: dict[str, object] = {"http_transport": remotes.transport}
        settings = safetyamp_settings(rate_limit_calls=20, health_seconds=0, confirm_last_page=False)
        shared = limiters(coordinator, clock)
        return PluginContext("safetyamp", settings, clock=clock, doubles=doubles, limiter=shared)

    yield made
    for coordinator in opened:
        coordinator.close()


def test_a_check_waits_for_no_turn_and_takes_none_from_a_run(
    coordinated: Callable[..., PluginContext[SafetyAmpSettings]],
) -> None:
    remotes, clock = Remotes({"/api/roles": ROLE, "/api/user_titles": {"data": []}}), StillClock()
    made = coordinated(remotes, clock)
    run = checks(made)["safetyamp.api"].run
    assert run().status == "ok"
    connections = Connections.of(made)
    for _ in range(19):
        connections.safetyamp.titles()
    result = run()
    assert (result.status, clock.passed) == ("degraded", pytest.approx(1, abs=0.3))
    assert "not asked: quota safetyamp" in result.detail
    assert remotes.asked.count("/api/roles") == 1


def test_without_its_coordinator_nothing_is_asked() -> None:
    remotes = Remotes({"/api/roles": ROLE})
    made = replace(context(remotes, rate_limit_calls=20), limiter=limiters(AwayCoordinator(), StillClock()))
    result = checks(made)["safetyamp.api"].run()
    assert (result.status, remotes.asked) == ("failed", [])
    assert "BW3201" in result.detail


def test_jobs_and_checks_share_one_database_pool(tmp_path: Path) -> None:
    made = context(root=tmp_path)
    again = PluginContext("safetyamp", made.settings, root=tmp_path, clock=made.clock)
    assert Connections.of(made) is Connections.of(again)
    assert Connections.of(context()) is not Connections.of(made)
