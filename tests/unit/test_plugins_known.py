"""Suggestions for what is not installed."""

from __future__ import annotations

import pytest

from busway.plugins.known import command_suggestion, suggestion


@pytest.mark.parametrize(
    ("kind", "name", "installed", "expected"),
    [
        ("caches", "redis", [], "pip install busway-cache-redis"),
        ("jobs", "safetyamp", [], "pip install busway-safetyamp"),
        ("caches", "memory", [], "pip install --force-reinstall busway"),
        ("caches", "rediss", [], 'did you mean "redis"? pip install busway-cache-redis'),
        ("sinks", "emial", ["log", "email"], 'did you mean "email"?'),
        ("secrets", "dotenf", [], 'did you mean "dotenv"?'),
        ("sinks", "redis", [], '"redis" is one of the caches: move it from plugins.sinks to plugins.caches'),
    ],
)
def test_suggestion_is_something_to_do(kind: str, name: str, installed: list[str], expected: str) -> None:
    assert suggestion(kind, name, installed) == expected


def test_without_anything_near_the_installed_names_are_listed() -> None:
    assert suggestion("sinks", "zzz", ["log", "email"]).startswith("installed sinks: email, log;")
    assert suggestion("jobs", "zzz", []).startswith("installed jobs: none;")


def test_commands_of_our_distributions() -> None:
    assert command_suggestion("serve") == "pip install busway-service"
    assert command_suggestion("sevre") == ""
