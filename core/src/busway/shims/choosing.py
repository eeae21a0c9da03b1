"""Old or new: what the flags say, read once per process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from busway.configuration.boot import boot
from busway.configuration.flags import DEFAULT, FLAG_NAMES, Flag, parse_flag
from busway.configuration.near_value import near_value
from busway.errors import ConfigurationError
from busway.shims.running import job_at_work

__all__ = ["forget_flags", "is_unified", "read_flag"]

_flags: dict[str, Flag] = {}


def is_unified(manager: str) -> bool:
    """Whether the code at work takes ``manager`` (config, data or events) from Busway."""
    flag = _flags.get(manager)
    if flag is None:
        flag = _flags[manager] = read_flag(manager)
    return flag.on_for(job_at_work(flag.jobs)) if flag.jobs else flag.on


def forget_flags() -> None:
    """The flags are read anew at their next use; for tests."""
    _flags.clear()


def read_flag(manager: str, environ: Mapping[str, str] | None = None, start: Path | None = None) -> Flag:
    """The flag of ``manager`` from the environment, ``.env`` or ``busway.toml``.

    What the environment says is taken without a look at anything else: the way back must not depend on a deployment
    that may be what is broken. Raises ``ConfigurationError`` BW7621 for a text that is no flag, and what reading the
    deployment raises.
    """
    variables = os.environ if environ is None else environ
    name = FLAG_NAMES[manager]
    text, place = variables.get(name, ""), f"environment variable {name}"
    if not text:
        text, place = near_value(boot(start, variables), name, DEFAULT)
    try:
        return parse_flag(text)
    except ValueError as error:
        raise ConfigurationError(
            "BW7621",
            f"{name} is no flag",
            where=place,
            why=f"it is {text!r}; {error}",
            fix=f"{name}=on, or {name}=off for the old code",
        ) from error
