"""A setting as the layers say it that every deployment has, before any plugin is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from busway.configuration.boot import Boot

__all__ = ["near_value"]


def near_value(stage: Boot, name: str) -> tuple[str, str] | None:
    """Text and place of ``name`` in the environment, ``.env`` or ``busway.toml``; ``None`` where none has it.

    For checks that must not cost the import of pydantic. A ``.env`` that cannot be read counts as empty:
    ``busway config check`` tells what is wrong with it.
    """
    for layer, place in _layers(stage, name):
        value = layer.get(name)
        if value not in (None, ""):
            return str(value), place
    return None


def _layers(stage: Boot, name: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    yield stage.environ, f"environment variable {name}"
    if any(pick.name == "dotenv" for pick in stage.selection.secrets):
        yield _dotenv(stage), ".env"
    yield stage.deployment.tables.get("settings", {}), stage.deployment.where("settings", name)


def _dotenv(stage: Boot) -> Mapping[str, str | None]:
    from dotenv import dotenv_values

    try:
        return dotenv_values(stage.deployment.root / ".env", interpolate=False)
    except (OSError, UnicodeDecodeError):
        return {}
