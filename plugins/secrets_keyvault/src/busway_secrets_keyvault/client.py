"""The vault's own client library, imported and built when the first secret is asked for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from busway.errors import ConfigurationError

if TYPE_CHECKING:
    from azure.keyvault.secrets import KeyVaultSecret, SecretClient

    from busway_secrets_keyvault.credential import SoleCredential

__all__ = ["VaultClient"]

_LOGGING = frozenset({"logging_enable", "logging_body", "network_trace_logging_policy"})
"""Options with which the client library writes tokens and secrets into the log."""


class VaultClient:
    """One client for one vault, shared by all threads. Errors are those of the library, and ``TokenError``.

    ``doubles`` may hold ``azure_credential`` and ``azure_client_options``, for tests only. Raises
    ``ConfigurationError`` BW1413 for options with which tokens or secrets could be read by others.

    :param timeout_seconds: for each step of one attempt.
    :param budget_seconds: how long a thread may wait for a token that another one has asked for.
    """

    def __init__(self, url: str, timeout_seconds: float, budget_seconds: float, doubles: Mapping[str, object]) -> None:
        self.url = url
        self._timeout = timeout_seconds
        self._budget = budget_seconds
        self._double = doubles.get("azure_credential")
        self._options = _checked_options(url, doubles.get("azure_client_options", {}))
        self._lock = threading.Lock()
        self._client: SecretClient | None = None
        self._credential: SoleCredential | None = None

    def get(self, name: str) -> KeyVaultSecret:
        """The latest version of the secret ``name``, in one attempt."""
        return self._ready().get_secret(name)

    @property
    def token_is_asked(self) -> bool:
        """True while a credential has been asked for a token and has not answered."""
        credential = self._credential
        return credential is not None and credential.asked

    @property
    def credential_name(self) -> str:
        """The kind of credential that is used, as far as it is known."""
        credential = self._credential
        return credential.name if credential is not None else ""

    def close(self) -> None:
        """Closes connections. May be called twice, and before the first use."""
        with self._lock:
            client, self._client = self._client, None
            credential, self._credential = self._credential, None
        if client is not None:
            client.close()
        if credential is not None:
            credential.close()

    def _ready(self) -> SecretClient:
        with self._lock:
            if self._client is None:
                from busway_secrets_keyvault.credential import SoleCredential, default_credential

                inner = self._double if self._double is not None else default_credential(self._timeout)
                self._credential = SoleCredential(inner, self._budget)
                self._client = self._built(self._credential)
            return self._client

    def _built(self, credential: SoleCredential) -> SecretClient:
        from azure.keyvault.secrets import SecretClient

        # No retries: the library waits as long as an answer asks (Retry-After: 900 means a quarter of an hour).
        # No redirects: a vault never sends elsewhere, and whoever does is not to receive our token.
        fixed: dict[str, Any] = {"retry_total": 0, "permit_redirects": False, "logging_enable": False}
        limits = {"connection_timeout": self._timeout, "read_timeout": self._timeout}
        return SecretClient(self.url, cast("Any", credential), **{**self._options, **fixed, **limits})


def _checked_options(url: str, options: object) -> dict[str, Any]:
    if not url.startswith("https://"):
        raise _unsafe("the vault's URL", "it is not https", "set AZURE_KEY_VAULT_URL to an https URL")
    if not isinstance(options, Mapping):
        raise _unsafe("azure_client_options", "it is not a mapping", "pass a mapping of options")
    found = _logging_option(options)
    if found:
        raise _unsafe(found, "the client library would write tokens and secrets into the log", f"leave {found} out")
    if options.get("connection_verify") is False:
        why = "anybody on the way could take the token"
        raise _unsafe("connection_verify", why, "set it to the file of the authority that signed the certificate")
    return dict(options)


def _logging_option(options: object) -> str:
    """The first option, however deep, that would log what is sent and received."""
    if isinstance(options, Mapping):
        own = next((str(key) for key in options if key in _LOGGING), "")
        return own or next((found for value in options.values() if (found := _logging_option(value))), "")
    if isinstance(options, list | tuple | set | frozenset):
        return next((found for value in options if (found := _logging_option(value))), "")
    return ""


def _unsafe(where: str, why: str, fix: str) -> ConfigurationError:
    return ConfigurationError("BW1413", "an option of the vault's client is unsafe", where=where, why=why, fix=fix)
