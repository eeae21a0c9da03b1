"""Health checks against real servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer

from builders.safetyamp_parts import TOKEN, StillClock, make_vista, safetyamp_settings
from busway.contracts.health import HealthResult
from busway.contracts.plugins import PluginContext
from busway_safetyamp import busway_health_checks
from busway_safetyamp.settings import DEFAULT_USER_AGENT


def check(name: str, root: Path = Path(), doubles: dict[str, object] | None = None, **changes: Any) -> HealthResult:
    settings = safetyamp_settings(**changes)
    context = PluginContext("safetyamp", settings, root=root, clock=StillClock(), doubles=doubles or {})
    checks = {found.name: found for found in busway_health_checks(context)}
    assert {name: found.online for name, found in checks.items()} == {
        "safetyamp.user_agent": False,
        "safetyamp.api": True,
        "safetyamp.vista": True,
    }
    return checks[name].run()


def test_the_default_user_agent_is_a_warning() -> None:
    result = check("safetyamp.user_agent", user_agent=DEFAULT_USER_AGENT)
    assert (result.status, "SAFETYAMP_USER_AGENT" in result.fix) == ("degraded", True)
    assert check("safetyamp.user_agent").status == "ok"


def test_an_api_that_accepts_the_key_is_ok(httpserver: HTTPServer) -> None:
    found = httpserver.expect_request("/api/roles", query_string={"page": "0", "limit": "1"})
    found.respond_with_json({"data": []})
    assert check("safetyamp.api", domain=httpserver.url_for("").rstrip("/")).status == "ok"


@pytest.mark.parametrize(("status", "code"), [(401, "BW5001"), (500, "BW5101"), (503, "BW5101"), (429, "BW5103")])
def test_an_api_that_does_not_is_failed_after_one_call(httpserver: HTTPServer, status: int, code: str) -> None:
    httpserver.expect_request("/api/roles").respond_with_json({"message": "x"}, status)
    result = check("safetyamp.api", domain=httpserver.url_for("").rstrip("/"))
    assert (result.status, len(httpserver.log)) == ("failed", 1)
    assert code in result.detail
    assert TOKEN not in result.detail + result.fix


def test_a_transport_may_be_injected() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"data": []}))
    assert check("safetyamp.api", doubles={"http_transport": transport}).status == "ok"


def test_the_database_is_asked(tmp_path: Path) -> None:
    assert "BW5105" in check("safetyamp.vista", tmp_path).detail
    make_vista(tmp_path / "vista.db")
    assert check("safetyamp.vista", tmp_path).status == "ok"
