"""The built-in secret source ``dotenv``: the file ``.env`` beside ``busway.toml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from busway.configuration.dotenv_file import DotenvFile, Duplicate, read_dotenv
from busway.contracts.plugins import PluginContext
from busway.contracts.secrets import SecretSource, SecretValue
from busway.errors import ConfigurationError
from busway.hookspecs import hookimpl

__all__ = ["DotenvSource", "busway_secret_source"]


class DotenvSource:
    """The names of a ``.env`` file; a file that is not there is empty, and so is an empty value.

    The file is read once, at the first question. ``${NAME}`` is not replaced: values are taken as they stand, so
    that a password with a ``$`` in it survives. The last of several lines with the same name wins.
    """

    serves_settings = True

    def __init__(self, path: Path) -> None:
        self._path = path

    def fetch(self, name: str) -> SecretValue | None:
        """The value, or ``None``. Raises ``ConfigurationError`` BW1104 when the file cannot be read."""
        found = self._values.get(name)
        return None if found is None else SecretValue(found[0], f"{self._path.name}:{found[1]}")

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue]:
        """Those of ``names`` the file has. Raises like :meth:`fetch`."""
        values, file = self._values, self._path.name
        held = [(name, values[name]) for name in names if name in values]
        return {name: SecretValue(value, f"{file}:{line}") for name, (value, line) in held}

    def names(self) -> Iterable[str]:
        """Every name with a value. Raises like :meth:`fetch`."""
        return list(self._values)

    def locate(self, name: str) -> str:
        """The place for people: the line where the file has the name, else the file."""
        try:
            found = self._values.get(name)
        except ConfigurationError:
            # Only a place is asked for; who fetches from a broken file hears what is wrong with it.
            return self._path.name
        return f"{self._path.name}:{found[1]}" if found is not None else self._path.name

    @property
    def duplicates(self) -> tuple[Duplicate, ...]:
        """The names that several lines set, with the lines that have no effect. Raises like :meth:`fetch`."""
        return self._file.duplicates

    def close(self) -> None:
        """Nothing to give back."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret source cannot be pickled or copied: it holds secrets")

    @property
    def _values(self) -> dict[str, tuple[str, int]]:
        return self._file.values

    @cached_property
    def _file(self) -> DotenvFile:
        file = read_dotenv(self._path)
        if file.problems:
            # A line that was meant to set a name may be the broken one: no value of the file can be relied on.
            raise ConfigurationError.of(file.problems)
        return file


@hookimpl
def busway_secret_source(context: PluginContext[Any]) -> SecretSource:
    """Builds the source over ``.env`` in the root of the deployment."""
    return DotenvSource(context.root / ".env")
