"""What the host hands to a plugin when it builds the plugin's object."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.limits import Limiters, unlimited
from busway.metrics.registry import Metrics

__all__ = ["PluginContext"]

S = TypeVar("S", covariant=True)


def _not_handed_over() -> NoReturn:
    raise RuntimeError("this context was made by hand, without what the host hands over here")


@dataclass(frozen=True, slots=True)
class PluginContext(Generic[S]):
    """Everything a factory hook may use. Factories build objects; they do not connect to anything."""

    name: str
    """The plugin's name in configuration, such as ``redis``."""
    settings: S
    """The plugin's own settings, validated; ``None`` when it declares none."""
    app: str = "busway"
    """Name of the deployment (``app`` in ``busway.toml``); first part of cache keys."""
    state_dir: Path = Path(".busway")
    """Folder for durable state, private to the owner."""
    root: Path = Path()
    """The folder of ``busway.toml``; relative paths in settings are relative to it."""
    clock: Clock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("busway.plugin"))
    limiter: Limiters = unlimited
    """Makes the limiter of a quota, shared with all other processes: ``context.limiter(Quota("acme", 60, 61.0))``."""
    call_seconds: float = 3.0
    """How long the core waits for one call of a secret source before it gives the source up; a source with a budget
    of its own stays below it."""
    sql_connection_string: Callable[[], str] = _not_handed_over
    """Gives the ODBC connection string of the ``SQL_*`` settings; it may hold the password. Raises
    ``ConfigurationError`` BW1202 with each setting that is missing, BW1208 with each that cannot be used."""
    doubles: Mapping[str, object] = field(default_factory=dict)
    """Stand-ins injected by tests (a credential, a transport), by name. Empty in production; no setting reaches it."""
