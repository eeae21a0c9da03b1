"""Settings of the Key Vault source, the URL they lead to, and how names are written in a vault."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from busway.contracts.settings import Settings, setting
from busway.errors import ConfigurationError

__all__ = ["KeyVaultSettings", "vault_name_of", "vault_url"]

_VAULT_NAME = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]")
_SECRET_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


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
        doc="How long the vault may take to connect and to answer, in seconds.",
        gt=0,
    )


def vault_url(settings: KeyVaultSettings) -> str:
    """The vault's URL, ``https://host[:port]``. Raises ``ConfigurationError`` BW1401 when the settings name none."""
    if settings.url:
        url = _checked_url(settings.url.strip())
        if settings.name and _url_of_name(settings.name, settings.suffix).lower() != url.lower():
            raise _unusable(
                "AZURE_KEY_VAULT_NAME and AZURE_KEY_VAULT_URL",
                "they name different vaults",
                "remove one of them: busway config explain AZURE_KEY_VAULT_URL tells where it is set",
            )
        return url
    if settings.name:
        return _url_of_name(settings.name, settings.suffix)
    raise _unusable(
        "AZURE_KEY_VAULT_NAME",
        "the source keyvault is selected, but no vault is named",
        "set AZURE_KEY_VAULT_NAME, or take keyvault out of [plugins] secrets in busway.toml",
    )


def vault_name_of(name: str) -> str:
    """The environment name as it is written in the vault (``DB_PASSWORD``: ``DB-PASSWORD``).

    Raises ``ConfigurationError`` BW1402 when a vault cannot hold such a name.
    """
    written = name.replace("_", "-")
    if _SECRET_NAME.fullmatch(written):
        return written
    raise ConfigurationError(
        "BW1402",
        "no vault can hold a secret of this name",
        where=f"setting {name}",
        why="a name in Key Vault has 1 to 127 letters A-Z, digits and hyphens",
        fix="rename the setting, or keep it in another source: environment or .env",
    )


def _url_of_name(name: str, suffix: str) -> str:
    if not _VAULT_NAME.fullmatch(name):
        raise _unusable(
            "AZURE_KEY_VAULT_NAME",
            "a vault's name has 3 to 24 letters, digits and single hyphens, and begins with a letter",
            "list your vaults: az keyvault list --query [].name",
        )
    if not _HOST.fullmatch(suffix):
        raise _unusable("KEY_VAULT_SUFFIX", "it is not a domain", "set it to a domain such as vault.azure.net")
    return f"https://{name}.{suffix}"


def _checked_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _bad_url("it is not a URL") from None
    if parts.scheme != "https":
        raise _bad_url("it is not https; tokens and secrets never travel in clear text")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname) or parts.username is not None:
        raise _bad_url("it names no host, or more than a host")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise _bad_url("it holds more than the vault's address")
    return f"https://{parts.hostname}" + (f":{port}" if port not in (None, 443) else "")


def _bad_url(why: str) -> ConfigurationError:
    return _unusable("AZURE_KEY_VAULT_URL", why, "set it to https://YOUR-VAULT.vault.azure.net")


def _unusable(where: str, why: str, fix: str) -> ConfigurationError:
    return ConfigurationError("BW1401", "the settings do not name a key vault", where=where, why=why, fix=fix)
