"""Paged reads: the whole collection, or an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from busway.contracts.records import Complete, Record, without
from busway.errors import IncompleteReadError
from busway_safetyamp.answers import Call, shapeless
from busway_safetyamp.http import SafetyAmpHttp

__all__ = ["MOST_PAGES", "pages_of", "read_all"]

MOST_PAGES = 10_000


def read_all(http: SafetyAmpHttp, path: str, page_size: int, *, drop: tuple[str, ...] = ()) -> Complete[Record]:
    """Every record that is not deleted, without the fields of ``drop``.

    Raises ``IncompleteReadError`` (BW5104) and what ``SafetyAmpHttp.get`` raises.
    """
    pages = 0
    records: list[Record] = []
    for page in pages_of(http, path, page_size):
        pages += 1
        records += [without(row, *drop) for row in page] if drop else page
    return Complete(records, pages=pages)


def pages_of(http: SafetyAmpHttp, path: str, page_size: int) -> Iterator[list[Record]]:
    """Page after page, without deleted records. Each call checks that the collection holds still.

    A page that is shorter than asked for is the last: this saves the empty page after it.
    """
    call = Call("GET", http.domain, path)
    seen: set[object] = set()
    for number in range(MOST_PAGES):
        rows = rows_of(call, http.get(path, {"page": number, "limit": page_size}))
        _expect_new(call, number, rows, seen)
        yield [row for row in rows if not row.get("deleted_at")]
        if len(rows) < page_size:
            return
    raise _incomplete(call, f"it does not end: {MOST_PAGES:,} pages were read")


def rows_of(call: Call, data: Any) -> list[Record]:
    """``data`` as a list of records with ids. Raises ``RefusedError`` (BW5005)."""
    if not isinstance(data, list) or not all(isinstance(row, dict) and row.get("id") is not None for row in data):
        raise shapeless(call, "its data is not a list of records with ids")
    return data


def _expect_new(call: Call, number: int, rows: list[Record], seen: set[object]) -> None:
    # Not only the first row: records that move between pages come twice here and are missing there.
    before = len(seen)
    seen.update(row["id"] for row in rows)
    if len(seen) - before != len(rows):
        raise _incomplete(call, f"page {number} repeats a record that came before")


def _incomplete(call: Call, why: str) -> IncompleteReadError:
    return IncompleteReadError(
        "BW5104",
        "SafetyAmp did not deliver the whole list",
        where=call.where,
        why=why,
        fix="nothing was decided on the part that came; run again, and see `busway explain BW5104` if it stays",
    )
