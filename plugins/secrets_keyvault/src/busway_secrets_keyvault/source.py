"""The Key Vault source: secrets by name, with failures remembered so that an outage costs one time-out, not sixty."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from busway.contracts.clock import Clock
from busway.contracts.secrets import SecretValue
from busway.errors import BuswayError, RefusedError
from busway_secrets_keyvault.client import VaultClient
from busway_secrets_keyvault.settings import vault_name_of

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError
    from azure.keyvault.secrets import KeyVaultSecret

__all__ = ["KeyVaultSource"]

THREADS = 8
"""Beyond the client's pool of 10 connections are thrown away, and handshakes eat the gain."""


class KeyVaultSource:
    """Reads secrets by their environment names, ``_`` written as ``-``.

    Needs the permission to get secrets, not to list them. Errors: BW1402 (a name no vault can hold), BW1403
    (credential), BW1404 and BW1405 (forbidden, disabled), BW1406 and BW1408 (away, throttling), BW1407 (no sense).
    """

    serves_settings = False

    def __init__(self, client: VaultClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._held: BuswayError | None = None
        self._held_until = 0.0

    def fetch(self, name: str) -> SecretValue | None:
        """The latest version of the secret; ``None`` when the vault has none of this name."""
        written = vault_name_of(name)
        self._raise_while_held()
        from azure.core.exceptions import AzureError

        try:
            found = self._client.get(written)
        except (AzureError, ValueError) as error:
            judged = self._judged(error, written)
        else:
            return self._value(found, written)
        if judged is not None:
            # Raised out here, without the library's error: its text repeats callers, addresses and headers.
            raise judged
        return None

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue]:
        """Those of ``names`` the vault has; raises at the first that cannot be told."""
        wanted = list(dict.fromkeys(names))
        if not wanted:
            return {}
        # One call first: eight cold threads would ask for eight tokens, and can crash the client library.
        first, rest = wanted[0], wanted[1:]
        found = [self.fetch(first)]
        if rest:
            with ThreadPoolExecutor(min(THREADS, len(rest)), thread_name_prefix="keyvault") as pool:
                found += pool.map(self.fetch, rest)
        return {name: value for name, value in zip(wanted, found, strict=True) if value is not None}

    def names(self) -> Iterable[str]:
        """Nothing: listing is a permission of its own, which reading does not need."""
        return ()

    def locate(self, name: str) -> str:
        """``https://acme.vault.azure.net DB-PASSWORD``."""
        return f"{self._client.url} {name.replace('_', '-')}"

    def close(self) -> None:
        """Closes connections."""
        self._client.close()

    def _value(self, found: KeyVaultSecret, written: str) -> SecretValue:
        if found.value is None:
            raise RefusedError(
                "BW1407",
                "the vault's answer makes no sense",
                where=self.locate(written),
                why="the answer holds no value",
                fix="check AZURE_KEY_VAULT_URL: is that a Key Vault, or a proxy in between?",
            )
        expires = found.properties.expires_on
        return SecretValue(
            found.value,
            self.locate(written),
            found.properties.version or "",
            int(expires.timestamp() * 1e9) if expires else None,
        )

    def _raise_while_held(self) -> None:
        with self._lock:
            held, left = self._held, self._held_until - self._clock.monotonic()
        if held is not None and left > 0:
            raise type(held).of(held.problems)

    def _judged(self, error: AzureError | ValueError, written: str) -> BuswayError | None:
        from busway_secrets_keyvault.failures import failure_of

        failure = failure_of(error, self._client.url, written)
        if failure is None:
            return None
        if failure.hold_seconds > 0:
            with self._lock:
                self._held, self._held_until = failure.error, self._clock.monotonic() + failure.hold_seconds
        return failure.error
