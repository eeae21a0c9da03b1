"""The vault's own client library, imported and built when the first secret is asked for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.keyvault.secrets import KeyVaultSecret, SecretClient

__all__ = ["VaultClient"]


class VaultClient:
    """One client for one vault, shared by all threads. Errors are those of the library.

    ``doubles`` may hold ``azure_credential`` and ``azure_client_options``, for tests only.
    """

    def __init__(self, url: str, timeout_seconds: float, doubles: Mapping[str, object]) -> None:
        self.url = url
        self._timeout = timeout_seconds
        self._doubles = doubles
        self._lock = threading.Lock()
        self._client: SecretClient | None = None
        self._credential: TokenCredential | None = None

    def get(self, name: str) -> KeyVaultSecret:
        """The latest version of the secret ``name``."""
        return self._ready().get_secret(name)

    def close(self) -> None:
        """Closes connections. May be called twice, and before the first use."""
        with self._lock:
            client, self._client = self._client, None
            credential, self._credential = self._credential, None
        if client is not None:
            client.close()
        close_credential = getattr(credential, "close", None)  # not every kind of credential has one
        if close_credential is not None:
            close_credential()

    def _ready(self) -> SecretClient:
        with self._lock:
            if self._client is None:
                self._credential = self._build_credential()
                self._client = self._build_client(self._credential)
            return self._client

    def _build_credential(self) -> TokenCredential:
        double = self._doubles.get("azure_credential")
        if double is not None:
            return cast("TokenCredential", double)
        from azure.identity import DefaultAzureCredential

        # Without limits of our own a silent metadata address holds the chain for minutes.
        return DefaultAzureCredential(process_timeout=max(1, round(self._timeout)), **self._limits())

    def _build_client(self, credential: TokenCredential) -> SecretClient:
        from azure.keyvault.secrets import SecretClient

        options: dict[str, Any] = dict(cast("Mapping[str, Any]", self._doubles.get("azure_client_options", {})))
        # It would write secrets and tokens into the log.
        options.pop("logging_enable", None)
        # A vault never redirects; whoever does is not to receive our token.
        return SecretClient(self.url, credential, permit_redirects=False, **self._limits(), **options)

    def _limits(self) -> dict[str, Any]:
        """No retries: the library waits as long as the answer asks (Retry-After: 900 means a quarter of an hour)."""
        return {"retry_total": 0, "connection_timeout": self._timeout, "read_timeout": self._timeout}
