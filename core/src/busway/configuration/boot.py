"""Stage 0 of the start: what must be known before any plugin is imported.

Reads ``busway.toml`` and the environment, and of ``.env`` only whether it names a vault. Imports neither pydantic nor
pluggy, because every command passes here, ``--help`` included.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from busway.configuration.busway_names import check_busway_names
from busway.configuration.deployment import Deployment, read_deployment
from busway.configuration.file_check import file_problems, wrong
from busway.configuration.selecting import select
from busway.errors import ConfigurationError, Problem
from busway.plugins.selection import Selection

__all__ = ["Boot", "boot"]

STATE_DIR = "BUSWAY_STATE_DIR"
DEFAULT_STATE_DIR = ".busway"


@dataclass(frozen=True, slots=True)
class Boot:
    """What stage 0 found out. ``repr`` shows neither the environment nor the content of the file."""

    deployment: Deployment
    environ: Mapping[str, str] = field(repr=False)
    """The environment as it was at the start."""
    state_dir: Path
    """Folder for durable state, absolute; it may not exist yet."""
    selection: Selection
    safe: bool = False
    """Only built-in plugins are selected."""
    notices: tuple[str, ...] = ()
    """Harmless oddities for ``doctor``, such as ``BUSWAY_`` variables a container platform injected."""


def boot(start: Path | None = None, environ: Mapping[str, str] | None = None, *, safe: bool = False) -> Boot:
    """Finds the deployment of ``start`` (default: the working folder) and selects its plugins.

    :param environ: the environment; default is the one of the process. It is copied.
    :param safe: select built-in plugins only.

    Raises ``ConfigurationError`` with everything that is wrong: BW1101 unreadable file, BW1102 unknown or
    ill-typed content, BW1103 unknown ``BUSWAY_`` variable.
    """
    variables = dict(os.environ if environ is None else environ)
    deployment = read_deployment(start)
    selection, misselected = select(deployment, variables, safe=safe)
    misnamed, notices = check_busway_names(variables)
    problems = [*file_problems(deployment), *_state_dir_problems(deployment), *misselected, *misnamed]
    if problems:
        raise ConfigurationError.of(problems)
    return Boot(deployment, variables, _state_dir(deployment, variables), selection, safe, notices)


def _state_dir(deployment: Deployment, environ: Mapping[str, str]) -> Path:
    configured = environ.get(STATE_DIR) or deployment.table("settings").get(STATE_DIR) or DEFAULT_STATE_DIR
    try:
        # Relative to the root wherever the command is called, so that two working folders never mean two states.
        return (deployment.root / Path(configured).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        place = (
            f"environment variable {STATE_DIR}" if environ.get(STATE_DIR) else deployment.where("settings", STATE_DIR)
        )
        raise ConfigurationError(
            "BW1102", f"{STATE_DIR} is not a usable path", where=place, why=str(error), fix="name a folder"
        ) from error


def _state_dir_problems(deployment: Deployment) -> Iterator[Problem]:
    if not isinstance(deployment.table("settings").get(STATE_DIR, ""), str):
        place = deployment.where("settings", STATE_DIR)
        yield wrong(f"{STATE_DIR} under [settings] must be text", place, f'write {STATE_DIR} = "/var/lib/busway"')
