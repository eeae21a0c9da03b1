"""The Samsara client: every vehicle and every driver of the organisation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from busway.contracts.records import Complete, Record
from busway_safetyamp.remote.answers import shapeless
from busway_safetyamp.remote.caller import Caller
from busway_safetyamp.remote.keys import bearer
from busway_safetyamp.remote.lists import incomplete, rows_of
from busway_safetyamp.remote.retries import Retries
from busway_safetyamp.remote.service import Call
from busway_safetyamp.remote.turns import Share, Turns
from busway_safetyamp.remote.wire import Wire
from busway_safetyamp.samsara.account import samsara_key, samsara_service
from busway_safetyamp.settings.samsara import SamsaraSettings

__all__ = ["SamsaraClient"]

VEHICLES = "/fleet/vehicles"
DRIVERS = "/fleet/drivers"
MOST_PAGES = 10_000


class SamsaraClient:
    """Reads the fleet. What it returns is whole: whoever cannot have all gets an error.

    Raises ``RefusedError`` (BW5011 for the token, BW50xx), ``UnreachableError`` (BW51xx), ``IncompleteReadError``
    (BW5104) and ``ConfigurationError`` (BW5014 where the token is not set).
    """

    def __init__(self, settings: SamsaraSettings, wire: Wire, *, turns: Turns, retries: Retries) -> None:
        self._settings = settings
        self._service = samsara_service(settings)
        self._caller = Caller(
            wire,
            authorization=lambda: bearer(samsara_key(settings), "SAMSARA_API_KEY"),
            turns=turns,
            retries=retries,
        )

    def vehicles(self) -> Complete[Record]:
        """Every vehicle."""
        return self._all(VEHICLES)

    def drivers(self, activation: Literal["active", "deactivated"] = "active") -> Complete[Record]:
        """Every driver who is active, or every one who is not: in pages, not one call for each vehicle."""
        return self._all(DRIVERS, driverActivationStatus=activation)

    def probe(self) -> tuple[int, int]:
        """Reads one vehicle and one driver and returns how many came: whether the token has both scopes."""
        found = [len(self._page(path, {"limit": 1}, "console")[0]) for path in (VEHICLES, DRIVERS)]
        return found[0], found[1]

    def close(self) -> None:
        """Gives the connections back."""
        self._caller.close()

    def _all(self, path: str, **filters: str) -> Complete[Record]:
        records: list[Record] = []
        pages = 0
        for page in self._pages(path, filters):
            records += page
            pages += 1
        if len({record["id"] for record in records}) != len(records):
            raise incomplete(Call("GET", self._service, path), "a record came twice: the list changed meanwhile")
        return Complete(records, pages=pages)

    def _pages(self, path: str, filters: dict[str, str]) -> Iterator[list[Record]]:
        """Page after page. One may be short or empty while there are more: only ``hasNextPage`` ends the list."""
        params: dict[str, Any] = {"limit": self._settings.samsara_page_size, **filters, **self._tags()}
        met: set[str] = set()
        while True:
            rows, cursor = self._page(path, params, "run")
            yield rows
            if not cursor:
                return
            if cursor in met or len(met) >= MOST_PAGES:
                raise incomplete(Call("GET", self._service, path), "its pages go round in a circle")
            met.add(cursor)
            params["after"] = cursor

    def _page(self, path: str, params: dict[str, Any], share: Share) -> tuple[list[Record], str]:
        """The records, and the cursor of the page that follows; empty when this is the last."""
        call = Call("GET", self._service, path)
        envelope = self._caller.call(call, share, params=params)
        data = envelope.get("data") if isinstance(envelope, dict) else None
        pagination = envelope.get("pagination") if isinstance(envelope, dict) else None
        more = pagination.get("hasNextPage") if isinstance(pagination, dict) else None
        cursor = pagination.get("endCursor") if isinstance(pagination, dict) else None
        if not isinstance(more, bool) or (more and not (isinstance(cursor, str) and cursor)):
            raise shapeless(call, "its pagination does not say whether and how it goes on")
        return rows_of(call, data), str(cursor) if more else ""

    def _tags(self) -> dict[str, str]:
        given = {"tagIds": self._settings.samsara_tag_ids, "parentTagIds": self._settings.samsara_parent_tag_ids}
        return {name: ",".join(ids) for name, ids in given.items() if ids}
