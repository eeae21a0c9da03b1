"""The file ``.env``: its values with their lines, and what is wrong with it.

Stage 0 looks into it too, so nothing heavy is imported here.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from busway.configuration.dotenv_lines import parse_lines
from busway.errors import ConfigurationError, Problem

__all__ = ["MOST_BYTES", "DotenvFile", "Duplicate", "dotenv_mentions", "read_dotenv"]

MOST_BYTES = 4 << 20
"""Larger files are refused: they are something else that was put in the place of the file."""
_USUAL_BYTES = 64 << 10
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Duplicate(NamedTuple):
    """A name that several lines set. The last one counts, as in a shell."""

    name: str
    line: int
    """The line that counts, from 1."""
    shadowed: tuple[int, ...]
    """The lines before it, which have no effect."""


class DotenvFile:
    """What a ``.env`` file says."""

    __slots__ = ("duplicates", "problems", "values")

    def __init__(
        self, values: dict[str, tuple[str, int]], duplicates: tuple[Duplicate, ...], problems: tuple[Problem, ...]
    ) -> None:
        self.values = values
        """Value and line by name. A name whose last line gives it an empty value is not set, and not here."""
        self.duplicates = duplicates
        self.problems = problems
        """BW1104 for each line that cannot be read; none shows any of the line."""


def read_dotenv(path: Path) -> DotenvFile:
    """The file at ``path``; one that is not there is empty.

    Raises ``ConfigurationError`` BW1104 when the file as a whole cannot be read: no permission, a folder, more than
    4 MiB, not UTF-8, a NUL byte.
    """
    return _file_of(path, _text_of(path))


def dotenv_mentions(path: Path, names: tuple[str, ...]) -> bool:
    """Whether the file at ``path`` sets one of ``names``; a file that cannot be read sets nothing.

    A file without the text of any of the names is not parsed.
    """
    if not path.is_file():
        # A pipe gives its content once, and to the source: a look ahead would take it away.
        return False
    try:
        text = _text_of(path)
    except ConfigurationError:
        # Who reads values from the file is told what is wrong with it.
        return False
    return any(name in text for name in names) and not _file_of(path, text).values.keys().isdisjoint(names)


def _file_of(path: Path, text: str) -> DotenvFile:
    parsed = parse_lines(text)
    values = {name: (value, line) for name, value, line in parsed.assignments}
    problems = tuple(_unreadable(f"{path}:{fault.line}", fault.reason, fault.fix).problem for fault in parsed.faults)
    repeated = len(values) < len(parsed.assignments)
    duplicates = _duplicates(parsed.assignments) if repeated else ()
    return DotenvFile({name: found for name, found in values.items() if found[0]}, duplicates, problems)


def _duplicates(assignments: list[tuple[str, str, int]]) -> tuple[Duplicate, ...]:
    lines: dict[str, list[int]] = {}
    for name, _, line in assignments:
        lines.setdefault(name, []).append(line)
    return tuple(Duplicate(name, at[-1], tuple(at[:-1])) for name, at in lines.items() if len(at) > 1)


def _text_of(path: Path) -> str:
    data = _bytes_of(path)
    if data.startswith(_UTF_16_MARKS):
        raise _unreadable(str(path), "the file is UTF-16", "save the file as UTF-8")
    try:
        # The byte order mark of Windows editors would otherwise become part of the first name.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The exception holds the whole file: it must not travel with ours.
        start = error.start
    else:
        if "\0" not in text:
            return text
        place = f"{path}:{_line_of(data, data.index(0))}"
        raise _unreadable(place, "the line has a NUL byte, so this is no text file", "save the file as UTF-8 text")
    place = f"{path}:{_line_of(data, start)}"
    raise _unreadable(place, f"byte {start + 1} of the file is not UTF-8", "save the file as UTF-8")


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_USUAL_BYTES)
            if len(data) == _USUAL_BYTES:
                # One byte more than allowed, so that no file of any size is held in memory.
                data += file.read(MOST_BYTES + 1 - _USUAL_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise _unreadable(str(path), error.strerror or type(error).__name__, "make the file readable") from error
    if len(data) > MOST_BYTES:
        fix = "keep settings in it only; a value that long belongs into a file of its own"
        raise _unreadable(str(path), f"the file is larger than {MOST_BYTES >> 20} MiB", fix)
    return data


def _line_of(data: bytes, at: int) -> int:
    return data.count(b"\n", 0, at) + data.count(b"\r", 0, at) - data.count(b"\r\n", 0, at) + 1


def _unreadable(where: str, why: str, fix: str) -> ConfigurationError:
    return ConfigurationError("BW1104", ".env cannot be read", where=where, why=why, fix=fix)
