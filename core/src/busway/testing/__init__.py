"""For people who write plugins: contract suites to subclass, and fixtures. Needs ``busway[testing]``.

A contract suite is a class of tests; a subclass says how to build the plugin's object, and pytest does the rest::

    class TestSlackSink(EventSinkContract):
        @pytest.fixture
        def sink(self, slack_server): return SlackSink(SlackSettings(url=slack_server.url))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from busway.testing.apps import use_app as use_app
    from busway.testing.caches import CacheBackendContract as CacheBackendContract
    from busway.testing.chaos import ChaosCache as ChaosCache
    from busway.testing.coordination import CoordinatorContract as CoordinatorContract
    from busway.testing.fake_caches import FakeCache as FakeCache
    from busway.testing.fake_caches import FakeCacheServer as FakeCacheServer
    from busway.testing.fake_caches import FakeSharedCache as FakeSharedCache
    from busway.testing.fake_runs import FakeRun as FakeRun
    from busway.testing.jobs import JobContract as JobContract
    from busway.testing.secrets import SecretSourceContract as SecretSourceContract
    from busway.testing.sinks import EventSinkContract as EventSinkContract
    from busway.testing.validators import ValidatorContract as ValidatorContract

_HOMES = {
    "CacheBackendContract": "busway.testing.caches",
    "ChaosCache": "busway.testing.chaos",
    "CoordinatorContract": "busway.testing.coordination",
    "EventSinkContract": "busway.testing.sinks",
    "FakeCache": "busway.testing.fake_caches",
    "FakeCacheServer": "busway.testing.fake_caches",
    "FakeRun": "busway.testing.fake_runs",
    "FakeSharedCache": "busway.testing.fake_caches",
    "JobContract": "busway.testing.jobs",
    "SecretSourceContract": "busway.testing.secrets",
    "ValidatorContract": "busway.testing.validators",
    "use_app": "busway.testing.apps",
}

__all__ = [
    "CacheBackendContract",
    "ChaosCache",
    "CoordinatorContract",
    "EventSinkContract",
    "FakeCache",
    "FakeCacheServer",
    "FakeRun",
    "FakeSharedCache",
    "JobContract",
    "SecretSourceContract",
    "ValidatorContract",
    "use_app",
]


def __getattr__(name: str) -> Any:
    # Looked up at first use: the suites import pytest, which only their users need.
    if name not in _HOMES:
        raise AttributeError(f"module 'busway.testing' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
