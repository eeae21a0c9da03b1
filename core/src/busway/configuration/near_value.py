"""A setting as the layers say it that every deployment has. Imports neither pydantic nor pluggy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from busway.configuration.boot import Boot
from busway.configuration.dotenv_file import read_dotenv

__all__ = ["NearValue", "near_value"]


class NearValue(NamedTuple):
    """What a setting is set to, and where."""

    text: str
    place: str


def near_value(stage: Boot, name: str, default: str) -> NearValue:
    """The text of ``name`` in environment, ``.env`` and ``busway.toml``, in the order that holds for every setting.

    For what must not cost the loading of plugins. Raises nothing for a ``.env`` with broken lines: whoever reads the
    settings hears of them.
    """
    return next((found for found in _layers(stage, name) if found.text), NearValue(default, "default"))


def _layers(stage: Boot, name: str) -> Iterator[NearValue]:
    for pick in stage.selection.secrets:
        if pick.name == "env":
            yield NearValue(stage.environ.get(name, ""), f"environment variable {name}")
        elif pick.name == "dotenv":
            text, line = read_dotenv(stage.deployment.root / ".env").values.get(name, ("", 0))
            yield NearValue(text, f".env:{line}")
    value = stage.deployment.table("settings").get(name, "")
    yield NearValue(str(value), stage.deployment.where("settings", name))
