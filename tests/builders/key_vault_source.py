"""Key Vault sources against the stand-in vault, built as the host builds them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import pytest

from builders.key_vault_server import KeyVaultServer, StubCredential
from builders.manual_clock import ManualClock
from busway.contracts.clock import Clock
from busway.contracts.plugins import PluginContext
from busway.errors import BuswayError
from busway.metrics.registry import Metrics
from busway_secrets_keyvault import busway_secret_source
from busway_secrets_keyvault.settings import KeyVaultSettings
from busway_secrets_keyvault.source import KeyVaultSource

__all__ = ["KeyVaultSources", "context_for", "error_of"]


def context_for(
    vault: KeyVaultServer,
    *,
    clock: Clock | None = None,
    credential: object = None,
    options: Mapping[str, object] | None = None,
    real_credential: bool = False,
    call_seconds: float = 3.0,
    metrics: Metrics | None = None,
    **settings: Any,
) -> PluginContext[KeyVaultSettings]:
    """What the host hands to the plugin, with the doubles that lead to ``vault``. Time stands still."""
    doubles: dict[str, object] = {"azure_client_options": vault.client_options if options is None else options}
    if not real_credential:
        doubles["azure_credential"] = credential or StubCredential()
    return PluginContext(
        "keyvault",
        KeyVaultSettings(**{"url": vault.url, **settings}),
        doubles=doubles,
        clock=clock or ManualClock(),
        call_seconds=call_seconds,
        metrics=metrics or Metrics(),
        logger=logging.getLogger("busway.plugin.keyvault"),
    )


class KeyVaultSources:
    """Makes sources for one vault, and closes them at the end."""

    def __init__(self, vault: KeyVaultServer, clock: Clock | None = None) -> None:
        self.vault = vault
        self.clock = clock or ManualClock()
        self._made: list[KeyVaultSource] = []

    def __call__(self, **changes: Any) -> KeyVaultSource:
        self._made.append(busway_secret_source(context_for(self.vault, **{"clock": self.clock, **changes})))
        return self._made[-1]

    def __enter__(self) -> KeyVaultSources:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for source in self._made:
            source.close()


def error_of(source: KeyVaultSource, name: str = "DB_PASSWORD") -> BuswayError:
    """The error of fetching ``name``, which has to say what to do on one line and drag no other error along."""
    with pytest.raises(BuswayError) as caught:
        source.fetch(name)
    problem = caught.value.problem
    assert problem.fix
    assert all(text.isprintable() for text in problem.as_dict().values()), "a line break or control character"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value
