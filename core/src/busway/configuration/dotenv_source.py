"""The built-in secret source ``dotenv``: the file ``.env`` beside ``busway.toml``."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from dotenv.parser import Binding, parse_stream

from busway.contracts.plugins import PluginContext
from busway.contracts.secrets import SecretSource, SecretValue
from busway.errors import ConfigurationError, Problem
from busway.hookspecs import hookimpl

__all__ = ["DotenvSource", "busway_secret_source"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_NEWLINE = re.compile(r"\r\n|\n|\r")


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
        return self._values.get(name)

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue]:
        """Those of ``names`` the file has. Raises like :meth:`fetch`."""
        return {name: self._values[name] for name in names if name in self._values}

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
        return found.where if found is not None else self._path.name

    def close(self) -> None:
        """Nothing to give back."""

    @cached_property
    def _values(self) -> dict[str, SecretValue]:
        values: dict[str, SecretValue] = {}
        problems: list[Problem] = []
        for binding in parse_stream(io.StringIO(_text_of(self._path), newline="")):
            line = _line_of(binding)
            fault = _fault_of(binding)
            if fault:
                problems.append(_unreadable(f"{self._path}:{line}", *fault).problem)
            elif binding.key is not None:
                values[binding.key] = SecretValue(binding.value or "", f"{self._path.name}:{line}")
        if problems:
            raise ConfigurationError.of(problems)
        return {name: found for name, found in values.items() if found.value}


def _text_of(path: Path) -> str:
    try:
        # The byte order mark of Windows editors would otherwise become part of the first name.
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unreadable(str(path), error.strerror or type(error).__name__, "make the file readable") from error
    except UnicodeDecodeError as error:
        # The exception holds the whole file: it must not travel with ours.
        reason = f"byte {error.start + 1} is not UTF-8"
    raise _unreadable(str(path), reason, "save the file as UTF-8")


def _line_of(binding: Binding) -> int:
    """The line of the name; the parser counts from the blank lines before it."""
    original = binding.original.string
    blank = original[: len(original) - len(original.lstrip())]
    return binding.original.line + len(_NEWLINE.findall(blank))


def _fault_of(binding: Binding) -> tuple[str, str] | None:
    """Reason and fix when a line is no assignment. Neither may show any of it: it may be part of a secret."""
    if binding.error:
        return "a quote is not closed, or the line is not NAME=value", "close the quote, or write NAME='value'"
    if binding.key is None:
        return None
    if binding.value is None or not _NAME.fullmatch(binding.key):
        return "the line is not NAME=value", "write NAME='value'; put a value of several lines in quotes"
    return None


def _unreadable(where: str, why: str, fix: str) -> ConfigurationError:
    return ConfigurationError("BW1104", ".env cannot be read", where=where, why=why, fix=fix)


@hookimpl
def busway_secret_source(context: PluginContext[Any]) -> SecretSource:
    """Builds the source over ``.env`` in the root of the deployment."""
    return DotenvSource(context.root / ".env")
