"""Parts of the service that need no process: tokens, limits, the end of a run, the document."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.manual_clock import ManualClock
from busway.cli.explain import pages
from busway.errors import BuswayError, HeldError, RefusedError, UnreachableError, UsageError
from busway.operation.service_policy import Role, ServicePolicy, TokenPolicy
from busway.stores.run_requests import RunRequest
from busway_service.checks import Check
from busway_service.run_process import Ending, command_of
from busway_service.standing import Phase, Standing
from busway_service.tokens import new_token, owner_of
from busway_service.web.answers import BY_CODE, status_of
from busway_service.web.endpoints import ENDPOINTS
from busway_service.web.limits import REMEMBERED, RateLimit
from busway_service.web.openapi import openapi


def test_a_token_is_known_by_its_digest_alone() -> None:
    token, lines = new_token("ann:admin")
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert digest in lines
    assert token not in lines
    known = {"ann": TokenPolicy(Role.ADMIN, digest), "bob": TokenPolicy(Role.VIEWER, "0" * 64)}
    assert owner_of(token, known) == ("ann", Role.ADMIN)
    for other in ("", digest, token[:-1], token + "x", "\udcff"):
        assert owner_of(other, known) is None
    assert new_token("ann:admin")[0] != token


@given(st.lists(st.floats(0, 5), max_size=80), st.integers(1, 120))
def test_no_window_of_a_minute_holds_more_than_a_burst_and_what_has_been_earned(steps: list[float], limit: int) -> None:
    clock = ManualClock()
    bucket, taken = RateLimit(limit, clock.monotonic), 0
    for step in steps:
        clock.advance(step)
        taken += not bucket.wait("a")
    assert taken <= limit + clock.monotonic() * limit / 60 + 1e-6


def test_who_waits_as_long_as_told_is_served() -> None:
    clock = ManualClock()
    bucket = RateLimit(2, clock.monotonic)
    assert [bucket.wait("a") for _ in range(3)] == [0, 0, 30]
    assert bucket.wait("b") == 0, "another client has its own"
    clock.advance(30)
    assert bucket.wait("a") == 0
    assert [RateLimit(0, clock.monotonic).wait("a") for _ in range(9)] == [0] * 9


def test_the_clients_that_are_remembered_are_limited() -> None:
    bucket = RateLimit(1, ManualClock().monotonic)
    for number in range(3 * REMEMBERED):
        bucket.wait(str(number))
    assert len(bucket._buckets) == REMEMBERED


@pytest.mark.parametrize(
    ("code", "answer", "outcome"),
    [
        (0, {"data": {}}, "ok"),
        (6, {"data": {}}, "records failed"),
        (7, {"data": {}}, "held"),
        (143, {"data": {}}, "stopped"),
        (5, {"error": {"code": "BW5001"}}, "failed"),
        (1, {"error": {"code": "BW9001"}}, "failed"),
        (-9, {}, "crashed"),
        (0, {}, "crashed"),
        (-15, {"data": {"exit_code": 0}}, "ok"),
        (-9, {"data": {"exit_code": 6}}, "records failed"),
        (-15, {"error": {"code": "BW5001"}}, "failed"),
    ],
)
def test_how_a_run_ended(code: int, answer: dict[str, object], outcome: str) -> None:
    assert Ending(code, answer).outcome == outcome


def test_the_command_of_a_run_names_its_jobs_and_its_id() -> None:
    request = RunRequest("0199", ("a", "b"), "trigger", "ann", "", 1)
    assert command_of(request, Path("/srv"), safe=True)[3:] == [
        "-C", "/srv", "--safe", "run", "a", "b", "--run-id", "0199", "--json",
    ]  # fmt: skip


def test_a_word_for_each_standing() -> None:
    standing = Standing()
    assert (standing.word, standing.ready) == ("starting", False)
    standing.phase = Phase.RUNNING
    assert standing.word == "not ready", "nothing was checked yet"
    for status, word in (("ok", "ready"), ("warning", "degraded"), ("failed", "not ready")):
        standing.checks = [Check("disk", status, "")]  # type: ignore[arg-type]
        assert (standing.word, standing.ready) == (word, word != "not ready")
    standing.phase = Phase.STOPPING
    assert (standing.word, standing.ready) == ("stopping", False)


def test_each_error_has_the_status_that_fits_its_code() -> None:
    assert set(BY_CODE) <= set(pages())
    errors: list[tuple[BuswayError, int]] = [
        (UsageError("BW2001", ""), 400),
        (UsageError("BW4003", ""), 404),
        (HeldError("BW7004", ""), 409),
        (UnreachableError("BW5001", ""), 503),
        (RefusedError("BW5003", ""), 502),
        (BuswayError("BW9001", ""), 500),
    ]
    assert [status_of(error) for error, _ in errors] == [status for _, status in errors]


def test_the_document_has_every_endpoint_with_its_role_and_all_it_refers_to() -> None:
    document = openapi(ServicePolicy(auth="token"))
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert {one["operationId"] for one in operations} == {endpoint.name for endpoint in ENDPOINTS}
    assert {one["x-busway-role"] for one in operations} == {"viewer", "operator", "admin"}
    assert document["security"] == [{"token": []}]
    schemas = document["components"]["schemas"]
    assert set(_refs(document)) <= {f"#/components/schemas/{name}" for name in schemas}
    assert all(endpoint.method == "GET" or endpoint.role > Role.VIEWER for endpoint in ENDPOINTS)


def _refs(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in _refs(value)]
    return [ref for value in node for ref in _refs(value)] if isinstance(node, list) else []
