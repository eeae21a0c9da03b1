"""Settings of the Key Vault source."""

from __future__ import annotations

from busway.contracts.settings import Settings, setting

__all__ = ["CORE_SHARE", "KeyVaultSettings", "budget_seconds"]

CORE_SHARE = 0.9
"""The part of the core's patience that a call may use: the core gives a source up that is late even once."""


class KeyVaultSettings(Settings):
    """Which vault. They come from environment, ``.env`` and ``busway.toml`` only: a vault cannot name itself."""

    name: str = setting("", env="AZURE_KEY_VAULT_NAME", doc="Name of the vault; its URL is made of it.")
    url: str = setting("", env="AZURE_KEY_VAULT_URL", doc="URL of the vault, https, instead of its name.")
    suffix: str = setting(
        "vault.azure.net",
        env="KEY_VAULT_SUFFIX",
        doc="Domain of the vaults of your cloud, such as vault.azure.cn or vault.usgovcloudapi.net.",
    )
    timeout_seconds: float = setting(
        1.0,
        env="KEY_VAULT_TIMEOUT_SECONDS",
        doc="How long one attempt may take to connect, and then to answer, in seconds.",
        gt=0,
    )
    budget_seconds: float | None = setting(
        None,
        env="KEY_VAULT_BUDGET_SECONDS",
        doc="How long a whole question may take, with sign-in and repeated attempts, in seconds; at most, and without "
        "it, nine tenths of SECRET_BUDGET_SECONDS.",
        gt=0,
    )
    refuse_expired: bool = setting(
        False,
        env="KEY_VAULT_REFUSE_EXPIRED",
        doc="Refuse a secret that is past its expiry or before its start. Without it such a value is handed out.",
    )


def budget_seconds(settings: KeyVaultSettings, call_seconds: float) -> float:
    """How long one call may take, in seconds, when the core waits ``call_seconds`` for it."""
    most = call_seconds * CORE_SHARE
    return most if settings.budget_seconds is None else min(settings.budget_seconds, most)
