"""Secrets from a folder with one file for each, as container platforms mount them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from busway import PluginContext, SecretValue, Settings, hookimpl, setting
from busway.errors import BuswayError, ConfigurationError, UnreachableError


class FileSecretsSettings(Settings):
    """Where the files are. A source's own settings come from the environment, .env and busway.toml only."""

    folder: Path = setting(
        Path("secrets"), env="ACME_SECRETS_DIR", doc="Folder with a file for each secret, relative to busway.toml."
    )


class FileSecrets:
    """The file ``ACME_PAGER_KEY`` holds the secret of that name; blanks and line ends around it do not count."""

    serves_settings = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fetch(self, name: str) -> SecretValue | None:
        """The value, or None when there is no such file: then the next source is asked."""
        if not name.isidentifier():  # not the name of a setting, so perhaps a path that leads out of the folder
            return None
        self._check()
        path = self._folder / name
        try:
            value = path.read_text("utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeError) as error:
            reason = type(error).__name__  # and no more of it: the error holds what was read
        else:
            return SecretValue(value, where=str(path)) if value else None
        raise ConfigurationError(
            "ACME02", f"the file of {name} cannot be read", where=str(path), why=reason, fix="make it readable UTF-8"
        )

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        """Those of the names that it has; one that fetch would raise for maps to its error."""
        found: dict[str, SecretValue | BuswayError | None] = {}
        for name in names:
            try:
                found[name] = self.fetch(name)
            except ConfigurationError as error:
                found[name] = error
        return {name: answer for name, answer in found.items() if answer is not None}

    def names(self) -> Iterable[str]:
        """Every name it has, so that a misspelt one is told with the nearest."""
        self._check()
        return [path.name for path in self._folder.iterdir() if path.is_file()]

    def locate(self, name: str) -> str:
        """Where a person would put it."""
        return f"file {self._folder / name}"

    def close(self) -> None:
        """Nothing is kept open."""

    def _check(self) -> None:
        if not self._folder.is_dir():
            raise UnreachableError(
                "ACME01",
                "the folder of secrets is not there",
                where=str(self._folder),
                fix=f"mkdir -p {self._folder}, or set ACME_SECRETS_DIR",
            )


@hookimpl
def busway_settings() -> type[FileSecretsSettings]:
    return FileSecretsSettings


@hookimpl
def busway_secret_source(context: PluginContext[FileSecretsSettings]) -> FileSecrets:
    return FileSecrets(context.root / context.settings.folder)
