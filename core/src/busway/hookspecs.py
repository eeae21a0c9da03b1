"""The plugin contract, version 1, on one page.

A plugin is a module (or object) behind an entry point of one kind:

==================  =========================  ============================
entry-point group   kind                       hook that builds its object
==================  =========================  ============================
busway.v1.secrets   a secret source            ``busway_secret_source``
busway.v1.caches    a cache backend            ``busway_cache_backend``
busway.v1.sinks     an event sink              ``busway_event_sink``
busway.v1.validators  validators of records    ``busway_validators``
busway.v1.jobs      sync jobs                  ``busway_jobs``
==================  =========================  ============================

Each hook is called once per plugin, to build the object; afterwards the object's own methods are called
directly. A plugin implements the hook of its kind, and any of the two hooks for everybody. Order and selection
belong to the deployment (``[plugins]`` in ``busway.toml``): ``tryfirst`` and ``trylast`` are refused.
Factories do not connect to anything; they have 10 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    # A configuration is opened with the secret sources alone; the shapes of the other kinds come with their plugins.
    from busway.contracts.caches import CacheBackend, InProcessCache
    from busway.contracts.health import HealthCheck
    from busway.contracts.jobs import Job
    from busway.contracts.plugins import PluginContext
    from busway.contracts.secrets import SecretSource
    from busway.contracts.settings import Settings
    from busway.contracts.sinks import EventSink
    from busway.contracts.validators import Validator

__all__ = ["CONTRACT_VERSION", "KIND_HOOKS", "PROJECT", "hookimpl", "hookspec"]

PROJECT = "busway"
CONTRACT_VERSION = 1

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

KIND_HOOKS = {
    "secrets": "busway_secret_source",
    "caches": "busway_cache_backend",
    "sinks": "busway_event_sink",
    "validators": "busway_validators",
    "jobs": "busway_jobs",
}
"""Kind to the hook that builds its object, in the order the host opens the kinds."""


@hookspec
def busway_secret_source(context: PluginContext[Any]) -> SecretSource:  # type: ignore[empty-body]
    """Builds a secret source. Its own settings come from environment, ``.env`` and ``busway.toml`` only."""


@hookspec
def busway_cache_backend(context: PluginContext[Any]) -> CacheBackend | InProcessCache:  # type: ignore[empty-body]
    """Builds a cache backend."""


@hookspec
def busway_event_sink(context: PluginContext[Any]) -> EventSink:  # type: ignore[empty-body]
    """Builds an event sink."""


@hookspec
def busway_validators(context: PluginContext[Any]) -> Sequence[Validator]:  # type: ignore[empty-body]
    """Builds the validators of this plugin, in the order they shall run."""


@hookspec
def busway_jobs(context: PluginContext[Any]) -> Sequence[Job]:  # type: ignore[empty-body]
    """Builds the jobs of this plugin; their order is decided by ``depends_on``."""


@hookspec
def busway_settings() -> type[Settings]:  # type: ignore[empty-body]
    """For any plugin: the model of its own settings. They get environment names, docs, provenance and validation."""


@hookspec
def busway_health_checks(context: PluginContext[Any]) -> Sequence[HealthCheck]:  # type: ignore[empty-body]
    """For any plugin: checks that ``busway doctor`` and the service run."""
