"""The ``[events]`` table."""

from __future__ import annotations

from typing import Any

import pytest

from busway.contracts.events import Severity
from busway.errors import ConfigurationError
from busway.events.policy import EventPolicy, Route


def where(*path: str) -> str:
    return f"busway.toml:{'.'.join(path)}"


def read(table: dict[str, Any]) -> EventPolicy:
    return EventPolicy.from_table(table, where)


def test_without_a_table_the_defaults_of_the_design_hold() -> None:
    policy = read({})
    assert (policy.retention_seconds, policy.retention_bytes) == (7 * 86_400, 256 * 1024 * 1024)
    assert (policy.digest_seconds, policy.ledger_seconds) == (3_600, 90 * 86_400)
    assert policy.route("email") == Route()
    assert policy.route("email").takes("change", Severity.DEBUG, "employees")


def test_everything_can_be_set() -> None:
    policy = read(
        {
            "digest": "30m",
            "retention_days": 2,
            "retention_mb": 0.5,
            "segment_mb": 1,
            "ledger_days": 10,
            "routes": {
                "email": {
                    "severity": "Warning",
                    "categories": ["error", "digest"],
                    "jobs": ["employees"],
                    "first": False,
                    "repeat": "1d",
                }
            },
        }
    )
    assert (policy.digest_seconds, policy.retention_seconds, policy.retention_bytes) == (1_800, 172_800, 524_288)
    assert (policy.segment_bytes, policy.ledger_seconds) == (1_048_576, 864_000)
    wanted = Route(Severity.WARNING, frozenset({"error", "digest"}), frozenset({"employees"}), False, 86_400)
    assert policy.route("email") == wanted
    assert policy.route("webhook") == Route()


@pytest.mark.parametrize(
    ("event", "taken"),
    [
        (("error", Severity.ERROR, "employees"), True),
        (("error", Severity.ERROR, None), True),
        (("error", Severity.ERROR, "titles"), False),
        (("error", Severity.INFO, "employees"), False),
        (("change", Severity.CRITICAL, "employees"), False),
        (("digest", Severity.INFO, None), True),
    ],
)
def test_a_route_takes_what_it_names(event: tuple[str, int, str | None], taken: bool) -> None:
    route = Route(Severity.WARNING, frozenset({"error", "digest"}), frozenset({"employees"}))
    assert route.takes(*event) is taken


@pytest.mark.parametrize(
    ("table", "what", "place"),
    [
        ({"digst": "1h"}, "[events] digst is not known; did you mean digest?", "digst"),
        ({"digest": "soon"}, "[events] digest: a duration is written 90s, 30m, 1h, 2d or 1h30m", "digest"),
        ({"digest": 0}, "[events] digest: it must be longer than nothing", "digest"),
        ({"retention_days": True}, "[events] retention_days: a number above 0 and at most 1,000,000", "retention_days"),
        ({"retention_mb": -1}, "[events] retention_mb: a number above 0 and at most 1,000,000", "retention_mb"),
        ({"routes": []}, "[events] routes: a table for each sink: [events.routes.email]", "routes"),
        ({"routes": {"email": 1}}, "[events.routes.email] is not a table", "routes.email"),
        (
            {"routes": {"email": {"severity": "loud"}}},
            "[events.routes.email] severity: one of debug, info, warning, error, critical",
            "routes.email.severity",
        ),
        (
            {"routes": {"email": {"jobs": "employees"}}},
            '[events.routes.email] jobs: a list of names, such as ["error", "digest"]',
            "routes.email.jobs",
        ),
        (
            {"routes": {"email": {"first": 1}}},
            "[events.routes.email] first: either true or false",
            "routes.email.first",
        ),
    ],
)
def test_what_is_not_understood_is_named_with_its_place(table: dict[str, Any], what: str, place: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(table)
    (problem,) = caught.value.problems
    assert (problem.code, problem.what, problem.where) == ("BW3030", what, f"busway.toml:{place}")
    assert problem.fix.startswith("known here: ")


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read({"digst": 1, "retention_days": "x", "routes": {"email": {"severity": 3, "loud": 1}}})
    assert len(caught.value.problems) == 4
