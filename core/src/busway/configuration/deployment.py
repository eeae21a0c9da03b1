"""The deployment: the folder and the file that say what is configured here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from busway.errors import ConfigurationError

if TYPE_CHECKING:
    from busway.configuration.toml_lines import KeyPath

__all__ = ["Deployment", "find_deployment", "read_deployment"]

FILE_NAME = "busway.toml"
PROJECT_FILE_NAME = "pyproject.toml"
PROJECT_TABLE: KeyPath = ("tool", "busway")
DEFAULT_APP = "busway"
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Deployment:
    """Where Busway runs and what the file there says.

    ``repr`` shows no content of the file: its ``[settings]`` may hold secrets.
    """

    root: Path
    """The folder of the file, or the working folder when there is none. Relative paths in settings start here."""
    file: Path | None = None
    """``busway.toml``, or the ``pyproject.toml`` that has ``[tool.busway]``."""
    tables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The content of ``busway.toml``, or of the table ``[tool.busway]``."""
    text: str = field(default="", repr=False)
    """The text of the file, for line numbers."""

    @property
    def app(self) -> str:
        """Name of the deployment, the first part of cache keys: ``app`` of the file, else ``busway``."""
        name = self.tables.get("app", DEFAULT_APP)
        return name if isinstance(name, str) else DEFAULT_APP

    def table(self, *path: str) -> Mapping[str, Any]:
        """The table at ``path``, such as ``table("data", "vista.employees")``; empty when there is none."""
        node: Any = self.tables
        for name in path:
            node = node.get(name) if isinstance(node, Mapping) else None
        return node if isinstance(node, Mapping) else _EMPTY

    def where(self, *path: str) -> str:
        """The place of a key for people: ``busway.toml:31``.

        A key the file does not mention has the place of the nearest table around it; without a file the answer
        is the name the file would have.
        """
        if self.file is None:
            return FILE_NAME
        full = (*self._prefix, *path)
        known = (self._lines[full[:size]] for size in range(len(full), 0, -1) if full[:size] in self._lines)
        line = next(known, None)
        return self.file.name if line is None else f"{self.file.name}:{line}"

    @property
    def _prefix(self) -> KeyPath:
        return PROJECT_TABLE if self.file is not None and self.file.name == PROJECT_FILE_NAME else ()

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        # Imported late: lines are asked for in messages, and for values that come from the file.
        from busway.configuration.toml_lines import key_lines

        return key_lines(self.text)


def find_deployment(start: Path | None = None) -> Deployment:
    """The deployment of ``start`` (default: the working folder), found upwards as git finds its repository.

    In each folder ``busway.toml`` comes before a ``pyproject.toml`` with ``[tool.busway]``. With neither on the way
    up, ``start`` itself is the root and everything has its default.

    Raises ``ConfigurationError``: BW1101 for a file that cannot be read as TOML, BW1102 for everything in it that
    is unknown or of the wrong type, in one pass.
    """
    # Imported here because the checks describe the file in the words of this module.
    from busway.configuration.file_check import file_problems

    deployment = read_deployment(start)
    problems = file_problems(deployment)
    if problems:
        raise ConfigurationError.of(problems)
    return deployment


def read_deployment(start: Path | None = None) -> Deployment:
    """Like :func:`find_deployment`, with the content unchecked. Raises ``ConfigurationError`` BW1101."""
    folder = _existing_folder(start)
    for candidate in (folder, *folder.parents):
        found = _read_busway_file(candidate) or _read_project_file(candidate)
        if found is not None:
            return found
    return Deployment(folder)


def _existing_folder(start: Path | None) -> Path:
    try:
        return (Path.cwd() if start is None else start).resolve(strict=True)
    except OSError as error:
        raise ConfigurationError(
            "BW1101",
            "the folder to start from is not there",
            where=str(start) if start is not None else "the working folder",
            why=error.strerror or type(error).__name__,
            fix="change to a folder that exists, or create this one",
        ) from error


def _read_busway_file(folder: Path) -> Deployment | None:
    data = _bytes_of(folder, FILE_NAME)
    if data is None:
        return None
    path = folder / FILE_NAME
    text = _decoded(path, data)
    return Deployment(folder, path, _parsed(path, text), text)


def _read_project_file(folder: Path) -> Deployment | None:
    data = _bytes_of(folder, PROJECT_FILE_NAME)
    # Most projects on the way up are not ours: a broken file of theirs is none of our business, and parsing costs time.
    if data is None or b"busway" not in data:
        return None
    path = folder / PROJECT_FILE_NAME
    text = _decoded(path, data)
    table = _parsed(path, text).get("tool", {}).get("busway")
    return Deployment(folder, path, table, text) if isinstance(table, dict) else None


def _bytes_of(folder: Path, name: str) -> bytes | None:
    try:
        # A joined text and not a Path: every start asks for two files in each folder up to the root.
        with open(os.path.join(folder, name), "rb") as file:  # noqa: PTH118, PTH123
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _unreadable(folder / name, reason, "make the file readable, or remove it") from error


def _decoded(path: Path, data: bytes) -> str:
    try:
        # Some editors start the file with a byte order mark, which TOML does not allow and nobody sees.
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"byte {error.start + 1} is not UTF-8"
    raise _unreadable(path, reason, "save the file as UTF-8", line)


def _parsed(path: Path, text: str) -> dict[str, Any]:
    # Imported late: many deployments have no file.
    import tomllib

    try:
        return tomllib.loads(text)
    except ValueError as error:
        reason = str(error)
    except RecursionError:
        reason = "arrays or tables are nested too deeply"
    raise _unreadable(
        path, reason, "correct the line; the format is described at https://toml.io", _line_in(reason, text)
    )


def _line_in(reason: str, text: str) -> int:
    """The line a message of `tomllib` speaks of; 0 when it names none."""
    named = re.search(r"at line (\d+)", reason)
    if named is not None:
        return int(named.group(1))
    return text.rstrip("\n").count("\n") + 1 if "at end of document" in reason else 0


def _unreadable(path: Path, reason: str, fix: str, line: int = 0) -> ConfigurationError:
    place = f"{path}:{line}" if line else str(path)
    return ConfigurationError("BW1101", f"{path.name} cannot be read", where=place, why=reason, fix=fix)
