"""Busway: the trunk that integration jobs plug into.

Everything a user or plugin author needs is importable from here. The names are looked up at first use
(PEP 562), so that ``import busway`` costs next to nothing: the command line prints its help without pydantic.
"""

from __future__ import annotations

from importlib import import_module

# A constant instead of typing's: importing typing costs more than all the rest of `busway --version`. Type checkers
# know the name.
TYPE_CHECKING = False

__version__ = "0.1.0"

if TYPE_CHECKING:
    from typing import Any

    from busway.app import App as App
    from busway.contracts.caches import CacheBackend as CacheBackend
    from busway.contracts.caches import Entry as Entry
    from busway.contracts.coordination import Quota as Quota
    from busway.contracts.events import Event as Event
    from busway.contracts.events import EventError as EventError
    from busway.contracts.events import Severity as Severity
    from busway.contracts.fields import FieldPolicy as FieldPolicy
    from busway.contracts.fields import FieldRule as FieldRule
    from busway.contracts.fields import always as always
    from busway.contracts.fields import create_only as create_only
    from busway.contracts.fields import if_empty as if_empty
    from busway.contracts.fields import never as never
    from busway.contracts.health import HealthCheck as HealthCheck
    from busway.contracts.health import HealthResult as HealthResult
    from busway.contracts.jobs import Job as Job
    from busway.contracts.keys import MatchKey as MatchKey
    from busway.contracts.keys import casefolded as casefolded
    from busway.contracts.keys import exact as exact
    from busway.contracts.limits import Limiter as Limiter
    from busway.contracts.plugins import PluginContext as PluginContext
    from busway.contracts.records import Complete as Complete
    from busway.contracts.records import Pending as Pending
    from busway.contracts.records import Record as Record
    from busway.contracts.records import Skip as Skip
    from busway.contracts.runs import Run as Run
    from busway.contracts.secrets import SecretSource as SecretSource
    from busway.contracts.secrets import SecretValue as SecretValue
    from busway.contracts.settings import Secret as Secret
    from busway.contracts.settings import Settings as Settings
    from busway.contracts.settings import setting as setting
    from busway.contracts.sinks import Delivery as Delivery
    from busway.contracts.sinks import EventSink as EventSink
    from busway.contracts.validators import Validation as Validation
    from busway.contracts.validators import Validator as Validator
    from busway.errors import BuswayError as BuswayError
    from busway.hookspecs import hookimpl as hookimpl
    from busway.singletons import config as config
    from busway.singletons import data_manager as data_manager
    from busway.singletons import event_manager as event_manager
    from busway.singletons import settings as settings

_HOMES = {
    "busway.app": ("App",),
    "busway.contracts.caches": ("CacheBackend", "Entry"),
    "busway.contracts.coordination": ("Quota",),
    "busway.contracts.events": ("Event", "EventError", "Severity"),
    "busway.contracts.fields": ("FieldPolicy", "FieldRule", "always", "create_only", "if_empty", "never"),
    "busway.contracts.health": ("HealthCheck", "HealthResult"),
    "busway.contracts.jobs": ("Job",),
    "busway.contracts.keys": ("MatchKey", "casefolded", "exact"),
    "busway.contracts.limits": ("Limiter",),
    "busway.contracts.plugins": ("PluginContext",),
    "busway.contracts.records": ("Complete", "Pending", "Record", "Skip"),
    "busway.contracts.runs": ("Run",),
    "busway.contracts.secrets": ("SecretSource", "SecretValue"),
    "busway.contracts.settings": ("Secret", "Settings", "setting"),
    "busway.contracts.sinks": ("Delivery", "EventSink"),
    "busway.contracts.validators": ("Validation", "Validator"),
    "busway.errors": ("BuswayError",),
    "busway.hookspecs": ("hookimpl",),
    "busway.singletons": ("config", "data_manager", "event_manager", "settings"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "App",
    "BuswayError",
    "CacheBackend",
    "Complete",
    "Delivery",
    "Entry",
    "Event",
    "EventError",
    "EventSink",
    "FieldPolicy",
    "FieldRule",
    "HealthCheck",
    "HealthResult",
    "Job",
    "Limiter",
    "MatchKey",
    "Pending",
    "PluginContext",
    "Quota",
    "Record",
    "Run",
    "Secret",
    "SecretSource",
    "SecretValue",
    "Settings",
    "Severity",
    "Skip",
    "Validation",
    "Validator",
    "__version__",
    "always",
    "casefolded",
    "config",
    "create_only",
    "data_manager",
    "event_manager",
    "exact",
    "hookimpl",
    "if_empty",
    "never",
    "setting",
    "settings",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'busway' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
