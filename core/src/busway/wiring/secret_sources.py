"""The secret sources of an application, each in its guard."""

from __future__ import annotations

from dataclasses import replace

from busway.configuration.core_settings import SecretSettings
from busway.configuration.manager import ConfigManager
from busway.errors import ConfigurationError
from busway.plugins.guarded_source import FETCH_SECONDS, GuardedSource
from busway.plugins.host import BuiltPlugin
from busway.plugins.origins import origin_of

__all__ = ["call_seconds", "guarded"]


def call_seconds(early: ConfigManager) -> float:
    """How long one question to a source may take in all, as ``SECRET_BUDGET_SECONDS`` says."""
    try:
        return early.section(SecretSettings).budget_seconds
    except ConfigurationError:
        # It is reported with everything else that is wrong; until then the default holds.
        return FETCH_SECONDS


def guarded(plugin: BuiltPlugin, seconds: float) -> BuiltPlugin:
    """The source of ``plugin`` in a guard that gives it up after ``seconds``."""
    origin = origin_of(plugin.object)
    if origin is None:
        return plugin
    return replace(plugin, object=GuardedSource(plugin.object, origin, seconds))
