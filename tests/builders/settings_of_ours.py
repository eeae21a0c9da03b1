"""The settings that the core and the plugins of this project declare."""

from __future__ import annotations

from importlib.metadata import distribution

from builders.markdown import ROOT
from busway.configuration.core_settings import CoreSettings, SecretSettings, SqlSettings
from busway.configuration.declarations import declarations_of

KINDS = ("secrets", "caches", "sinks", "validators", "jobs")


def declared_names() -> set[str]:
    """Their environment names, without those that belong to the core alone (``BUSWAY_``)."""
    models = [CoreSettings, SecretSettings, SqlSettings]
    for project in sorted(ROOT.glob("plugins/*/pyproject.toml")):
        for point in distribution("busway-" + project.parent.name.replace("_", "-")).entry_points:
            if point.group in {f"busway.v1.{kind}" for kind in KINDS}:
                model = getattr(point.load(), "busway_settings", None)
                models += [model()] if model is not None else []
    names = {one.name for model in models for one in declarations_of(model, "busway")}
    return {name for name in names if not name.startswith("BUSWAY_")}
