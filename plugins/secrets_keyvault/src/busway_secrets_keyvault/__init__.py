"""Secrets from Azure Key Vault, a secret source for Busway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from busway.contracts.health import HealthCheck
from busway.contracts.plugins import PluginContext
from busway.hookspecs import hookimpl

if TYPE_CHECKING:
    from busway_secrets_keyvault.settings import KeyVaultSettings
    from busway_secrets_keyvault.source import KeyVaultSource

__version__ = "0.1.0"


@hookimpl
def busway_settings() -> type[KeyVaultSettings]:
    """The settings of this source."""
    from busway_secrets_keyvault.settings import KeyVaultSettings

    return KeyVaultSettings


@hookimpl
def busway_secret_source(context: PluginContext[KeyVaultSettings]) -> KeyVaultSource:
    """Builds the source; credential and client come into being at the first fetch."""
    return _source(context)


@hookimpl
def busway_health_checks(context: PluginContext[KeyVaultSettings]) -> Sequence[HealthCheck]:
    """One online check: the vault answers, and lets us read."""
    from busway_secrets_keyvault.health import checks

    return checks(lambda: _source(context))


def _source(context: PluginContext[KeyVaultSettings]) -> KeyVaultSource:
    from busway_secrets_keyvault.source import KeyVaultSource

    return KeyVaultSource.of(context)
