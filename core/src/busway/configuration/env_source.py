"""The built-in secret source ``env``: the environment of the process."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from busway.contracts.plugins import PluginContext
from busway.contracts.secrets import SecretSource, SecretValue
from busway.hookspecs import hookimpl

__all__ = ["EnvSource", "busway_secret_source"]


class EnvSource:
    """Environment variables. An empty variable counts as not set."""

    serves_settings = True

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    def fetch(self, name: str) -> SecretValue | None:
        """The variable now, or ``None`` when it is not set or empty."""
        value = self._environ.get(name)
        return SecretValue(value, self.locate(name)) if value else None

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue]:
        """Those of ``names`` that are set."""
        return {name: found for name in names if (found := self.fetch(name)) is not None}

    def names(self) -> Iterable[str]:
        """The names of all variables that are set."""
        return [name for name, value in self._environ.items() if value]

    def locate(self, name: str) -> str:
        """The place for people."""
        return f"environment variable {name}"

    def close(self) -> None:
        """Nothing to give back."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret source cannot be pickled or copied: it holds secrets")


@hookimpl
def busway_secret_source(context: PluginContext[Any]) -> SecretSource:
    """Builds the source; ``environ`` of the context's doubles takes the place of the environment in tests."""
    environ = context.doubles.get("environ")
    return EnvSource(environ if isinstance(environ, Mapping) else None)
