"""Parts that several tests of the configuration use: a vault, a plugin's settings, a way to open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from builders.manual_clock import ManualClock
from busway.configuration.boot import boot
from busway.configuration.manager import ConfigManager
from busway.configuration.sources import basic_sources
from busway.contracts.secrets import SecretSource, SecretValue
from busway.contracts.settings import Secret, Settings, setting


class Vault:
    """A secret source in memory that counts what it is asked and can be made to fail."""

    serves_settings = False

    def __init__(self, values: Mapping[str, str] | None = None, *, error: Exception | None = None) -> None:
        self.values = dict(values or {})
        self.error = error
        self.asked: list[str] = []
        self.versions: dict[str, str] = {}
        self.expires_at_ns: int | None = None

    def fetch(self, name: str) -> SecretValue | None:
        self.asked.append(name)
        if self.error is not None:
            raise self.error
        if name not in self.values:
            return None
        return SecretValue(self.values[name], self.locate(name), self.versions.get(name, ""), self.expires_at_ns)

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue]:
        return {name: found for name in names if (found := self.fetch(name)) is not None}

    def names(self) -> Iterable[str]:
        return ()

    def locate(self, name: str) -> str:
        return f"https://acme.vault.example {name.replace('_', '-')}"

    def close(self) -> None:
        """Nothing to give back."""


class AcmeSettings(Settings):
    """Settings of a plugin, one of each sort."""

    host: str = setting("localhost", env="ACME_HOST", doc="Host of the service.")
    port: int = setting(6379, env="ACME_PORT", doc="Port of the service.", ge=1, le=65535)
    tags: tuple[str, ...] = setting((), env="ACME_TAGS", doc="Tags.")
    mail_to: str = setting("", env="ACME_MAIL_TO", doc="Who gets mail.", vaulted=True)
    password: Secret | None = setting(None, env="ACME_PASSWORD", doc="Password, if the service has one.")


class TokenSettings(Settings):
    """A plugin that cannot do without a secret."""

    token: Secret = setting(env="ACME_TOKEN", doc="The API token.")
    region: str = setting(env="ACME_REGION", doc="The region.")


OWNER = "busway-acme"


def open_config(
    root: Path,
    environ: Mapping[str, str] | None = None,
    *,
    models: Sequence[type[Settings]] = (AcmeSettings,),
    vault: SecretSource | None = None,
    clock: ManualClock | None = None,
    toml: str = "",
    dotenv: str = "",
    safe: bool = False,
) -> ConfigManager:
    """A manager over ``environ``, the vault if there is one, ``.env`` and ``busway.toml``, in this order."""
    if toml:
        (root / "busway.toml").write_text(toml)
    if dotenv:
        (root / ".env").write_text(dotenv)
    booted = boot(root, environ or {}, safe=safe)
    sources = basic_sources(booted)
    if vault is not None:
        sources.insert(1, ("keyvault", vault))
    return ConfigManager.open(booted, sources, [(OWNER, model) for model in models], clock=clock or ManualClock())
