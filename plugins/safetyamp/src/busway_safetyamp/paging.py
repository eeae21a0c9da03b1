"""Paged reads: the whole collection, or an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from busway.contracts.records import Complete, Record, without
from busway_safetyamp.http import SafetyAmpHttp
from busway_safetyamp.remote.lists import incomplete, rows_of
from busway_safetyamp.remote.service import Call
from busway_safetyamp.settings.api import SMALLEST_PAGE

__all__ = ["MOST_PAGES", "Collection", "Pages"]

MOST_PAGES = 10_000


class Collection(Complete[Record]):
    """Every record of a resource that is not deleted; those that are, beside them."""

    __slots__ = ("deleted",)

    def __init__(self, rows: Iterable[Record], *, pages: int = 1) -> None:
        living: list[Record] = []
        deleted: list[Record] = []
        for row in rows:
            (deleted if row.get("deleted_at") else living).append(row)
        super().__init__(living, pages=pages)
        self.deleted = tuple(deleted)
        """Records the account keeps as deleted: their codes and addresses may still be taken."""


class Pages:
    """Reads paged lists. What it returns is whole: whoever cannot have all gets an error.

    A page that is shorter than asked for is the last. Two remotes break that rule in silence: one that caps the page
    size below what was asked, and one that filters a page after it was cut. Both are asked for proof.

    :param size: records per page.
    :param confirm: reads the page after the last one, which must be empty.
    """

    def __init__(self, http: SafetyAmpHttp, size: int, *, confirm: bool = True) -> None:
        self._http = http
        self._size = size
        self._confirm = confirm

    def read(self, path: str, *, drop: tuple[str, ...] = (), never_empty: bool = False) -> Collection:
        """Every record, without the fields of ``drop``.

        Raises ``IncompleteReadError`` (BW5104) and what ``SafetyAmpHttp.get`` raises.

        :param never_empty: nothing at all is an error, too: some lists always have a record.
        """
        walk = _Walk(self._http, path, self._size)
        rows: list[Record] = []
        for page in walk.pages(confirm=self._confirm):
            rows += [without(row, *drop) for row in page] if drop else page
        if never_empty and not rows:
            raise incomplete(walk.call, "it is empty, and this list never is")
        return Collection(rows, pages=walk.calls)

    def living(self, path: str) -> Iterator[Record]:
        """One record after the other, without those that are deleted; reads no further than is asked for."""
        for page in _Walk(self._http, path, self._size).pages(confirm=self._confirm):
            yield from (row for row in page if not row.get("deleted_at"))


class _Walk:
    """One pass over the pages of a list."""

    def __init__(self, http: SafetyAmpHttp, path: str, size: int) -> None:
        self._http = http
        self._path = path
        self._size = size
        self.call = Call("GET", http.service, path)
        self._seen: set[object] = set()
        self.calls = 0

    def pages(self, *, confirm: bool) -> Iterator[list[Record]]:
        for number in range(MOST_PAGES):
            rows = self._page(number, self._size)
            self._expect_new(number, rows)
            yield rows
            if len(rows) < self._size:
                self._expect_end(number, len(rows), confirm=confirm)
                return
        raise incomplete(self.call, f"it does not end: {MOST_PAGES:,} pages were read")

    def _page(self, number: int, size: int) -> list[Record]:
        self.calls += 1
        return rows_of(self.call, self._http.get(self._path, {"page": number, "limit": size}))

    def _expect_new(self, number: int, rows: list[Record]) -> None:
        # Not only the first row: records that move between pages come twice here and are missing there.
        before = len(self._seen)
        self._seen.update(row["id"] for row in rows)
        if len(self._seen) - before != len(rows):
            raise incomplete(self.call, f"page {number} repeats a record that came before")

    def _expect_end(self, number: int, length: int, *, confirm: bool) -> None:
        if number == 0 and SMALLEST_PAGE <= length < self._size:
            # Capped at this length? The size that is known to be served shows what comes behind.
            self._expect_known(self._page(length // SMALLEST_PAGE, SMALLEST_PAGE), number, length)
        if confirm:
            self._expect_known(self._page(number + 1, self._size), number, length)

    def _expect_known(self, rows: list[Record], number: int, length: int) -> None:
        if all(row["id"] in self._seen for row in rows):
            return
        capped = "; SAFETYAMP_PAGE_SIZE may be more than the account serves" if self._size > SMALLEST_PAGE else ""
        raise incomplete(
            self.call, f"page {number} has {length} of {self._size} records, and yet it is not the last{capped}"
        )
