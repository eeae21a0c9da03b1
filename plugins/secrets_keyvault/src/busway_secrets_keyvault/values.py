"""From the client library's secret to the contract's."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from busway.contracts.secrets import SecretValue
from busway.errors import RefusedError
from busway_secrets_keyvault.refusals import expired, not_yet_valid

if TYPE_CHECKING:
    from azure.keyvault.secrets import KeyVaultSecret

__all__ = ["check_time", "secret_value"]

_VERSION = re.compile(r"[0-9A-Za-z]{1,64}")


def secret_value(found: KeyVaultSecret, vault: str, name: str) -> SecretValue:
    """What the vault holds. Raises ``RefusedError`` BW1407 when the answer holds no value."""
    if not isinstance(found.value, str):
        raise RefusedError(
            "BW1407",
            "the vault's answer makes no sense",
            where=f"{vault} {name}",
            why="the answer holds no value",
            fix="check AZURE_KEY_VAULT_URL: is that a Key Vault, or a proxy in between?",
        )
    told = found.properties
    version = told.version or ""
    return SecretValue(
        found.value,
        f"{vault} {name}",
        version if _VERSION.fullmatch(version) else "",
        _nanoseconds(told.expires_on),
        _nanoseconds(told.not_before),
    )


def check_time(value: SecretValue, vault: str, name: str, now_ns: int) -> None:
    """Raises ``RefusedError`` BW1411 when the secret has expired, BW1412 when it is not valid yet."""
    if value.expires_at_ns is not None and value.expires_at_ns <= now_ns:
        raise expired(vault, name, f"it expired at {_moment(value.expires_at_ns)}, and KEY_VAULT_REFUSE_EXPIRED is set")
    if value.not_before_ns is not None and value.not_before_ns > now_ns:
        why = f"it is valid from {_moment(value.not_before_ns)}, and KEY_VAULT_REFUSE_EXPIRED is set"
        raise not_yet_valid(vault, name, why)


def _nanoseconds(moment: object) -> int | None:
    # The vault counts whole seconds, and a float of nanoseconds would not be exact. A time that is none, which the
    # client library passes on as text, spoils no value: it counts as unknown.
    return int(moment.timestamp()) * 1_000_000_000 if isinstance(moment, datetime) else None


def _moment(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
