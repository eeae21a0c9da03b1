"""One process of `config.py`: asks the stand-in vault with one library. Prints JSON.

    python config_asking.py LIBRARY prefetch|outage CA_FILE

It runs in the environment of its library; the vault's address is in its variables.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SECRETS = [f"BENCH_SECRET_{at:02d}" for at in range(60)]
LIMIT_SECONDS = 10


class Credential:
    """Gives the token that the stand-in vault knows."""

    def get_token(self, *scopes: str, **options: Any) -> Any:
        from azure.core.credentials import AccessToken

        return AccessToken("synthetic-access-token", 4_102_444_800)

    def close(self) -> None:
        """Nothing to give back."""


def vault_app(ca_file: str, *, credential: object = None) -> Any:
    """The configuration of an application whose vault is the stand-in, with sixty-one declared secrets."""
    from pydantic import create_model

    from busway.app import App
    from busway.configuration.boot import boot
    from busway.contracts.settings import Secret, Settings, setting

    doubles: dict[str, object] = {
        "azure_client_options": {"connection_verify": ca_file, "verify_challenge_resource": False},
        **({"azure_credential": credential} if credential else {}),
    }
    made: dict[str, Any] = {
        name.lower(): (Secret | None, setting(None, env=name, doc="A secret.")) for name in (*SECRETS, "WARM_UP")
    }
    config = App(boot(), doubles=doubles).config
    config.add_models([("bench", create_model("Vaulted", __base__=Settings, **made))])
    return config


def busway_prefetch(ca_file: str) -> dict[str, Any]:
    """Sixty secrets after the first one has brought token and client."""
    config = vault_app(ca_file, credential=Credential())
    first = elapsed(lambda: config.get_secret("WARM_UP"))
    print("ready", flush=True)
    input()
    spent = elapsed(lambda: config.prefetch(SECRETS))
    assert config.get_secret(SECRETS[59]) == "value-of-59"
    return {"first": first, "prefetch": spent}


def settings_prefetch(ca_file: str) -> dict[str, Any]:
    """What pydantic-settings has: its source lists the vault and gets every field when the model is made."""
    import os
    from importlib import import_module

    from pydantic import SecretStr, create_model

    base, azure = (import_module(name) for name in ("pydantic_settings", "pydantic_settings.sources.providers.azure"))
    accept_stand_in(azure, ca_file)
    url = os.environ["AZURE_KEY_VAULT_URL"]

    def sources(cls: Any, /, settings_cls: Any, **others: Any) -> tuple[Any, ...]:
        source = base.AzureKeyVaultSettingsSource(settings_cls, url, vault_credential(), dash_to_underscore=True)
        return (source,)

    parent: Any = type("Base", (base.BaseSettings,), {"settings_customise_sources": classmethod(sources)})
    wanted: Any = (SecretStr, ...)
    model: Any = create_model("Vaulted", __base__=parent, **dict.fromkeys(SECRETS, wanted))
    print("ready", flush=True)
    input()
    spent = elapsed(model)
    return {"first": 0.0, "prefetch": spent}


def vault_credential() -> Any:
    """The one of the environment where it leads to a metadata address, else one that has its token."""
    import os

    if "AZURE_POD_IDENTITY_AUTHORITY_HOST" in os.environ:
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential()
    return Credential()


def accept_stand_in(azure: Any, ca_file: str) -> None:
    """The library makes its client itself and passes no options."""
    from functools import partial

    azure.import_azure_key_vault()
    azure.SecretClient = partial(azure.SecretClient, connection_verify=ca_file, verify_challenge_resource=False)
    azure.import_azure_key_vault = lambda: None


def busway_outage(ca_file: str) -> dict[str, Any]:
    """Two questions to a vault that does not answer."""
    import os

    from busway.errors import BuswayError

    with_token = "AZURE_POD_IDENTITY_AUTHORITY_HOST" not in os.environ
    config = vault_app(ca_file, credential=Credential() if with_token else None)
    codes: list[str] = []

    def ask() -> None:
        try:
            config.get_secret(SECRETS[0])
        except BuswayError as error:
            codes.append(error.code)

    first, second = elapsed(ask), elapsed(ask)
    assert len(codes) == 2, codes
    return {"first": first, "second": second, "told": codes[0]}


def settings_outage(ca_file: str) -> dict[str, Any]:
    """One question: it asks for everything when the model is made, and remembers no failure."""
    told: list[str] = []

    def ask() -> None:
        try:
            settings_prefetch(ca_file)
        except Exception as error:
            told.append(type(error).__name__)

    first = elapsed(ask)
    return {"first": first, "told": told[0]}


def elapsed(work: Callable[[], Any]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


PREFETCH = {"busway": busway_prefetch, "pydantic-settings": settings_prefetch}
OUTAGE = {"busway": busway_outage, "pydantic-settings": settings_outage}

if __name__ == "__main__":
    from json import dumps
    from sys import argv

    library, mode, ca_file = argv[1:]
    print(dumps((PREFETCH if mode == "prefetch" else OUTAGE)[library](ca_file)))
