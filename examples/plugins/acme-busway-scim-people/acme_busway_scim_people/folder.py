"""The source: a folder of CSV files that an HR system exports. All of it, or an error."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

from busway import Record
from busway.errors import IncompleteReadError

COLUMNS = ["number", "login", "first_name", "last_name", "title"]
SUMS = "SHA256SUMS"


class PeopleFolder:
    """The export writes SHA256SUMS last: a file that is missing, unlisted or half written is not read as leavers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def people(self) -> list[Record]:
        """Every row of every file."""
        sums = self._sums()
        there = {path.name for path in self._folder.glob("*.csv")}
        if there != sums.keys():
            raise self._incomplete(SUMS, f"listed or there, but not both: {', '.join(sorted(there ^ sums.keys()))}")
        return [row for name in sorted(sums) for row in self._rows(name, sums[name])]

    def _sums(self) -> dict[str, str]:
        lines = [line.split(maxsplit=1) for line in self._read(SUMS).decode("utf-8", "replace").splitlines()]
        if not lines or any(len(line) != 2 for line in lines):
            raise self._incomplete(SUMS, "it is not a list of files with their sums")
        return {name.removeprefix("*"): digest for digest, name in lines}

    def _rows(self, name: str, expected: str) -> list[Record]:
        content = self._read(name)
        if hashlib.sha256(content).hexdigest() != expected:
            raise self._incomplete(name, "it is not the file that SHA256SUMS was made for")
        rows = rows_of(content)
        if rows is None:
            raise self._incomplete(name, f"it is not CSV in UTF-8 with exactly {', '.join(COLUMNS)} in each line")
        return rows

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise self._incomplete(name, error.strerror or type(error).__name__) from None

    def _incomplete(self, name: str, why: str) -> IncompleteReadError:
        where, fix = str(self._folder / name), "let the export finish; if it has: sha256sum *.csv > SHA256SUMS"
        return IncompleteReadError("ACME11", "the people are incomplete", where=where, why=why, fix=fix)


def rows_of(content: bytes) -> list[Record] | None:
    """The rows of a file; None for one that has another form. The errors of a parser hold what it read."""
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        rows: list[Record] = list(reader)
    except (UnicodeError, csv.Error):
        return None
    whole = reader.fieldnames == COLUMNS and not any(None in (*row, *row.values()) for row in rows)
    return rows if whole else None
