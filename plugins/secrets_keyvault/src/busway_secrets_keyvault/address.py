"""Where the vault is: the URL that the settings lead to."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from busway.errors import ConfigurationError
from busway_secrets_keyvault.settings import KeyVaultSettings

__all__ = ["vault_label", "vault_url"]

_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_LEAST, _MOST = 3, 24


def vault_url(settings: KeyVaultSettings) -> str:
    """The vault's URL, ``https://host[:port]``. Raises ``ConfigurationError`` BW1401 when the settings name none.

    No error repeats a value: what was put where a vault's name belongs may be anything, a password too.
    """
    name, url = settings.name.strip(), settings.url.strip()
    if url:
        checked = _checked_url(url)
        if name and _url_of_name(name, settings.suffix) != checked:
            raise _unusable(
                "AZURE_KEY_VAULT_NAME and AZURE_KEY_VAULT_URL",
                "they name different vaults",
                "remove one of them: busway config explain AZURE_KEY_VAULT_URL tells where it is set",
            )
        return checked
    if name:
        return _url_of_name(name, settings.suffix)
    raise _unusable(
        "AZURE_KEY_VAULT_NAME",
        "the source keyvault is selected, but no vault is named",
        "set AZURE_KEY_VAULT_NAME, or take keyvault out of [plugins] secrets in busway.toml",
    )


def vault_label(url: str) -> str:
    """The vault's name as commands take it: ``acme`` of ``https://acme.vault.azure.net``."""
    return (urlsplit(url).hostname or "").partition(".")[0]


def _url_of_name(name: str, suffix: str) -> str:
    wrong = _wrong_with_name(name)
    if wrong is not None:
        raise _unusable("AZURE_KEY_VAULT_NAME", *wrong)
    domain = suffix.strip().strip(".").lower()
    if not _HOST.fullmatch(domain):
        raise _unusable("KEY_VAULT_SUFFIX", "it is not a domain", "set it to a domain such as vault.azure.net")
    return f"https://{name.lower()}.{domain}"


def _wrong_with_name(name: str) -> tuple[str, str] | None:
    """Why no vault has this name, and what to change; ``None`` when one may have it."""
    strange = next((at for at, one in enumerate(name, 1) if not re.fullmatch("[A-Za-z0-9-]", one)), 0)
    if "." in name or "/" in name:
        return (
            "it is a host or a URL, not a name",
            "keep what is before the first dot (and after https://), or move it to AZURE_KEY_VAULT_URL",
        )
    if strange and name[strange - 1] == "_":
        return f"character {strange} is an underscore, and no vault's name has one", "write - in place of _"
    if strange:
        return (
            f"character {strange} is none of A-Z, 0-9 and -",
            "copy the name from: az keyvault list --query [].name",
        )
    if not _LEAST <= len(name) <= _MOST:
        return (
            f"it has {len(name)} characters, and a vault's name has {_LEAST} to {_MOST}",
            "copy the name from: az keyvault list --query [].name",
        )
    if not name[0].isalpha():
        return "a vault's name begins with a letter", "copy the name from: az keyvault list --query [].name"
    if name.endswith("-"):
        return "a vault's name does not end with a hyphen", "remove the last hyphen"
    if "--" in name:
        return f"there are two hyphens in a row at character {name.index('--') + 1}", "write one hyphen there"
    return None


def _checked_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _bad_url("it is not a URL") from None
    if not parts.scheme and _HOST.fullmatch(text.rstrip("/")):
        raise _bad_url("it does not begin with https://", "write https:// in front of it")
    if parts.scheme != "https":
        raise _bad_url("it is not https; tokens and secrets never travel in clear text")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname) or parts.username is not None:
        raise _bad_url("it names no host, or more than a host")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise _bad_url("it holds more than the vault's address", "cut it after the host")
    return f"https://{parts.hostname}" + (f":{port}" if port not in (None, 443) else "")


def _bad_url(why: str, fix: str = "set it to https://YOUR-VAULT.vault.azure.net") -> ConfigurationError:
    return _unusable("AZURE_KEY_VAULT_URL", why, fix)


def _unusable(where: str, why: str, fix: str) -> ConfigurationError:
    return ConfigurationError("BW1401", "the settings do not name a key vault", where=where, why=why, fix=fix)
