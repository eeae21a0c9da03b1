"""The flags of a migration as settings, so that they have documentation, provenance and validation like any other."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from busway.configuration.flags import DEFAULT, FLAG_NAMES, REMOVED_IN, parse_flag
from busway.contracts.settings import Settings, setting

__all__ = ["FlagSettings"]


def _checked(text: str) -> str:
    return str(parse_flag(text))


def _text(value: Any) -> Any:
    """``true`` and ``false`` of a TOML file are words for on and off."""
    return str(value) if isinstance(value, bool) else value


FlagText = Annotated[str, BeforeValidator(_text), AfterValidator(_checked)]


def _flag(manager: str, what: str) -> FlagText:
    doc = (
        f"Shims take {what} from Busway (on) or from the old code (off); on,off@JOB for one job. Gone in {REMOVED_IN}."
    )
    found: FlagText = setting(DEFAULT, env=FLAG_NAMES[manager], doc=doc)
    return found


class FlagSettings(Settings, defer_build=True):
    """One flag per manager."""

    unified_config: FlagText = _flag("config", "settings")
    unified_data: FlagText = _flag("data", "cached data")
    unified_events: FlagText = _flag("events", "sessions, changes and errors")
