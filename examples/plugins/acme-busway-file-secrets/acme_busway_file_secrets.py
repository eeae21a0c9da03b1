"""Secrets from a folder with one file for each, as container platforms mount them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from busway import PluginContext, SecretValue, Settings, hookimpl, setting
from busway.errors import UnreachableError


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
            raise self._away(f"{path.name}: {type(error).__name__}") from None  # its text may hold what was read
        return SecretValue(value, where=str(path)) if value else None

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue]:
        """Those of the names that it has."""
        found = {name: self.fetch(name) for name in names}
        return {name: value for name, value in found.items() if value is not None}

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
            raise self._away(f"{self._folder} is not a folder")

    def _away(self, why: str) -> UnreachableError:
        return UnreachableError(
            "ACME01",
            "the folder of secrets cannot be read",
            where=str(self._folder),
            why=why,
            fix=f"mkdir -p {self._folder}, or set ACME_SECRETS_DIR",
        )


@hookimpl
def busway_settings() -> type[FileSecretsSettings]:
    return FileSecretsSettings


@hookimpl
def busway_secret_source(context: PluginContext[FileSecretsSettings]) -> FileSecrets:
    return FileSecrets(context.root / context.settings.folder)
