"""The secret sources of stage 1: those that need no plugin to be loaded."""

from __future__ import annotations

from busway.configuration.boot import Boot
from busway.contracts.secrets import SecretSource

__all__ = ["basic_sources"]


def basic_sources(boot: Boot) -> list[tuple[str, SecretSource]]:
    """The selected ones of ``env`` and ``dotenv``, in their configured order.

    The settings of the other secret sources come from these and ``busway.toml`` only: a vault whose address is
    in a vault could never be opened.
    """
    from busway.configuration.dotenv_source import DotenvSource
    from busway.configuration.env_source import EnvSource

    built: dict[str, SecretSource] = {
        "env": EnvSource(boot.environ),
        "dotenv": DotenvSource(boot.deployment.root / ".env"),
    }
    return [(pick.name, built[pick.name]) for pick in boot.selection.secrets if pick.name in built]
