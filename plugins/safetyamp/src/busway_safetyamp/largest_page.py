"""The largest page that an account serves: the vendor does not say, and each step up saves calls."""

from __future__ import annotations

from dataclasses import dataclass

from busway.contracts.records import Record
from busway_safetyamp.http import SafetyAmpHttp
from busway_safetyamp.remote.errors import RemoteRefusedError
from busway_safetyamp.remote.lists import rows_of
from busway_safetyamp.remote.service import Call
from busway_safetyamp.settings.api import SMALLEST_PAGE

__all__ = ["SIZES", "LargestPage", "find_largest_page"]

SIZES = (1000, 500, 250, 100, 50)
PATH = "/api/users"
_REFUSALS = (400, 413, 422)


@dataclass(frozen=True, slots=True)
class LargestPage:
    """What was found."""

    size: int
    """Safe for ``SAFETYAMP_PAGE_SIZE``."""
    calls: int
    """Made to find it."""
    why: str
    """One sentence for people."""


def find_largest_page(http: SafetyAmpHttp) -> LargestPage:
    """Asks for the users in ever smaller pages until one is served whole. Nothing is written.

    A page is whole when it has as many records as were asked for, or when what comes behind it is proven to be
    nothing: an account may cut a page in silence. Raises what ``SafetyAmpHttp.get`` raises, but not for a refused size.
    """
    calls = 0
    for size in SIZES:
        calls += 1
        rows = _page(http, 0, size)
        if rows is None:
            continue
        if len(rows) == size:
            return LargestPage(size, calls, f"a page of {size} users came whole")
        calls += 1
        behind = _page(http, len(rows) // SMALLEST_PAGE, SMALLEST_PAGE) or []
        known = {row["id"] for row in rows}
        if all(row["id"] in known for row in behind):
            return _as_many_as_there_are(len(rows), calls)
        if len(rows) > SMALLEST_PAGE:
            return LargestPage(
                len(rows), calls, f"of {size} users asked for, {len(rows)} came: it cuts pages in silence"
            )
    return LargestPage(SMALLEST_PAGE, calls, "every larger page was refused or cut")


def _as_many_as_there_are(users: int, calls: int) -> LargestPage:
    # An account that cuts at a size it never reached would stop a run on the day it grows to that size.
    size = max(users, SMALLEST_PAGE)
    return LargestPage(size, calls, f"all {users} users came in one page, so a larger one is not proven")


def _page(http: SafetyAmpHttp, number: int, size: int) -> list[Record] | None:
    """The records; ``None`` when the size was refused."""
    try:
        data = http.get(PATH, {"page": number, "limit": size}, share="console")
    except RemoteRefusedError as error:
        if error.status in _REFUSALS:
            return None
        raise
    return rows_of(Call("GET", http.service, PATH), data)
