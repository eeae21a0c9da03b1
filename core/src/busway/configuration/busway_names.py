"""The environment variables whose names start with ``BUSWAY_``: they belong to the core."""

from __future__ import annotations

import re
from collections.abc import Mapping

from busway.configuration.nearest import did_you_mean
from busway.errors import Problem

__all__ = ["BUSWAY_NAMES", "PREFIX", "VAULT_NAMES", "check_busway_names"]

PREFIX = "BUSWAY_"
BUSWAY_NAMES = (
    "BUSWAY_ACTOR",
    "BUSWAY_CACHES",
    "BUSWAY_DEBUG",
    "BUSWAY_JOBS",
    "BUSWAY_SECRETS",
    "BUSWAY_SINKS",
    "BUSWAY_STATE_DIR",
    "BUSWAY_VALIDATORS",
)
"""All there are. They are read from the environment; ``BUSWAY_STATE_DIR`` also from ``[settings]``."""
VAULT_NAMES = ("AZURE_KEY_VAULT_NAME", "AZURE_KEY_VAULT_URL")
"""Either one brings the source ``keyvault`` into the default selection, so a misspelt one leaves a vault unread."""

_OWN_SERVICE = re.compile(r"BUSWAY_(SERVICE_HOST|SERVICE_PORT\w*|PORT\w*)")
_ANY_SERVICE = re.compile(r"BUSWAY_\w+_(PORT_\d+_(TCP|UDP|SCTP)\w*|SERVICE_HOST|SERVICE_PORT\w*)")
_ADDRESS = ("tcp://", "udp://", "sctp://")


def check_busway_names(environ: Mapping[str, str]) -> tuple[list[Problem], tuple[str, ...]]:
    """The unknown ``BUSWAY_`` variables (BW1103), and a notice for each that a container platform injected.

    Kubernetes and Docker describe every service near a container by variables: a service called ``busway`` or
    ``busway-web`` gives ``BUSWAY_SERVICE_HOST`` or ``BUSWAY_WEB_PORT=tcp://…``.
    """
    strange = sorted(name for name in environ if name.startswith(PREFIX) and name not in BUSWAY_NAMES)
    injected = [name for name in strange if _is_injected(name, environ[name])]
    notices = tuple(f"{name} was set by the container platform for a service; it is ignored" for name in injected)
    return [_unknown(name) for name in strange if name not in injected], notices


def _is_injected(name: str, value: str) -> bool:
    return bool(_OWN_SERVICE.fullmatch(name) or _ANY_SERVICE.fullmatch(name) or value.startswith(_ADDRESS))


def _unknown(name: str) -> Problem:
    return Problem(
        "BW1103",
        f"unknown environment variable {name}",
        f"environment variable {name}",
        f"names that start with {PREFIX} belong to Busway, and this one is none of them",
        did_you_mean(name, BUSWAY_NAMES, f"unset {name}"),
    )
