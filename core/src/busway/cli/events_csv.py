"""Rows as CSV that a spreadsheet may open: no cell of it is taken for a formula."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

__all__ = [
    "BOM",
    "CHANGE_COLUMNS",
    "ERROR_COLUMNS",
    "EVENT_COLUMNS",
    "SESSION_COLUMNS",
    "csv_line",
    "print_csv",
    "safe_cell",
    "write_bytes",
]

KEPT = "\t\r\n"
"""Control characters a cell may hold; others would reach the terminal of whoever looks at the file."""
BOM = "\ufeff"
FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What spreadsheets take for the beginning of a formula, in half and full width."""

CHANGE_COLUMNS = ("at", "operation", "entity_type", "entity_id", "job", "session_id", "event_id", "attributes")
ERROR_COLUMNS = (
    "at", "kind", "code", "message", "type", "entity_type", "entity_id", "job", "session_id", "event_id",
)  # fmt: skip
SESSION_COLUMNS = (
    "started_at", "ended_at", "name", "state", "duration_seconds", "created", "updated", "deleted", "skipped", "errors",
    "session_id", "correlation_id",
)  # fmt: skip
EVENT_COLUMNS = (
    "at", "severity", "category", "operation", "entity_type", "entity_id", "job", "session_id",
    "error_kind", "error_code", "error_message", "event_id", "attributes",
)  # fmt: skip


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, bom: bool) -> None:
    """Heading and rows on stdout."""
    lines = ([row.get(name) for name in columns] for row in rows)
    heading = ((BOM if bom else "") + csv_line(columns)).encode()
    write_bytes(chain([heading], (csv_line(cells).encode("utf-8", "replace") for cells in lines)))


def write_bytes(parts: Iterable[bytes]) -> None:
    """To stdout as they are: CSV has line ends of its own, and its encoding is not the terminal's."""
    sys.stdout.flush()
    for part in parts:
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


def csv_line(cells: Iterable[object]) -> str:
    """One line as of RFC 4180."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([safe_cell(cell) for cell in cells])
    return line.getvalue()


def safe_cell(value: object) -> str:
    """The text of a cell. One that a spreadsheet would run begins with an apostrophe, which it does not show."""
    if value is None:
        return ""
    if isinstance(value, (int, float)):  # written by us: a negative number is no formula
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = "".join(char if char.isprintable() or char in KEPT else f"\\u{ord(char):04x}" for char in text)
    return f"'{text}" if text.startswith(FORMULA) else text
