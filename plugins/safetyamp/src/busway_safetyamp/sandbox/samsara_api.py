"""The API of the fleet: cursors, filters, and pages that may be empty while there are more."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence

import orjson

from busway.contracts.records import Record
from busway_safetyamp.sandbox.faults import Faults, Place
from busway_safetyamp.sandbox.fleet import Fleet
from busway_safetyamp.sandbox.limiter import CallLimiter
from busway_safetyamp.sandbox.remote_api import RemoteApi
from busway_safetyamp.sandbox.wire import Answer, Request, count_in

__all__ = ["LARGEST_PAGE", "SamsaraApi"]

LARGEST_PAGE = 512
_VEHICLES, _DRIVERS = "vehicles", "drivers"
_Filter = Callable[[Record], bool]


class SamsaraApi(RemoteApi):
    """Answers as Samsara does.

    A page is cut from the whole list before filters are applied, so it may be short, or empty, and not be the last.
    A cursor says where in that list the next page begins.
    """

    def __init__(self, fleet: Fleet, *, token: str, limiter: CallLimiter, faults: Faults) -> None:
        super().__init__(limiter=limiter, faults=faults)
        self._records = {_VEHICLES: fleet.vehicles, _DRIVERS: fleet.drivers}
        self._authorization = f"Bearer {token}".encode()

    def place(self, request: Request) -> Place:
        """``vehicles`` or ``drivers``, and which page the cursor is about."""
        size = count_in(request.query.get("limit"), LARGEST_PAGE, least=1) or LARGEST_PAGE
        first = _position(request.query.get("after")) or 0
        resource = request.path.removeprefix("/fleet/").partition("/")[0]
        return Place(resource, first // size, writes=request.method != "GET")

    def error(self, status: int, message: str) -> Answer:
        """``{"message": …, "requestId": …}``"""
        return Answer(status, orjson.dumps({"message": message, "requestId": f"sandbox-{status}"}))

    def served(self, request: Request, place: Place) -> Answer:
        """The token first, then the list or the one record."""
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, self._authorization):
            return self.error(401, "Invalid token.")
        prefix, _, record_id = request.path.removeprefix("/fleet/").partition("/")
        if not request.path.startswith("/fleet/") or prefix not in self._records or "/" in record_id:
            return self.error(404, "Not Found.")
        if request.method != "GET":
            return self.error(405, "The sandbox's fleet can be read only.")
        return self._one(prefix, record_id) if record_id else self._listed(request, place)

    def _one(self, resource: str, record_id: str) -> Answer:
        found = next((record for record in self._records[resource] if record["id"] == record_id), None)
        return self.error(404, "Not Found.") if found is None else Answer(200, orjson.dumps({"data": found}))

    def _listed(self, request: Request, place: Place) -> Answer:
        size = count_in(request.query.get("limit"), LARGEST_PAGE, least=1)
        first = _position(request.query.get("after"))
        if size is None or size > LARGEST_PAGE:
            return self.error(400, f"Invalid value for parameter: limit (1 to {LARGEST_PAGE}).")
        if first is None:
            return self.error(400, "Parameters differ: the pagination cursor is invalid or has expired.")
        everything = self._records[place.resource]
        wanted = _filter(place.resource, request.query)

        def read(at: int, limit: int) -> list[bytes]:
            return [orjson.dumps(record) for record in everything[at : at + limit] if wanted(record)]

        rows = self.faults.rows(Place(place.resource, place.page), size, len(everything), read)
        more = first + size < len(everything)
        pagination = orjson.dumps({"endCursor": _cursor(first + size) if more else "", "hasNextPage": more})
        return Answer(200, b'{"data":[' + b",".join(rows) + b'],"pagination":' + pagination + b"}")


def _filter(resource: str, query: dict[str, str]) -> _Filter:
    status = query.get("driverActivationStatus", "active")
    tags = {tag for name in ("tagIds", "parentTagIds") for tag in query.get(name, "").split(",") if tag}

    def wanted(record: Record) -> bool:
        if resource == _DRIVERS and record["driverActivationStatus"] != status:
            return False
        held: Sequence[Record] = record["tags"]
        return not tags or any(tag["id"] in tags for tag in held)

    return wanted


def _cursor(position: int) -> str:
    return f"after-{position}-cursor"


def _position(cursor: str | None) -> int | None:
    """Where the page after ``cursor`` begins; None for one that is none of ours."""
    if not cursor:
        return 0
    number = cursor.removeprefix("after-").removesuffix("-cursor")
    return count_in(number, 0) if cursor == _cursor(count_in(number, 0) or 0) else None
