"""The API of the SafetyAmp account: headers, paging, and the way to the world."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import orjson

from busway_safetyamp.sandbox.faults import Faults, Place
from busway_safetyamp.sandbox.limiter import CallLimiter
from busway_safetyamp.sandbox.rejection import NotAllowedError, RejectionError, UnknownRecordError
from busway_safetyamp.sandbox.remote_api import RemoteApi
from busway_safetyamp.sandbox.wire import Answer, Request, count_in, error_answer
from busway_safetyamp.sandbox.world import World

__all__ = ["PageLimit", "SafetyAmpApi"]

_DEFAULT_LIMIT = 25
_UPDATES = {"users": ("PATCH", "PUT")}
"""How a resource is updated where it is not by PUT alone."""


@dataclass(frozen=True, slots=True)
class PageLimit:
    """The largest page the account serves. The vendor does not say which it is, nor what happens beyond it."""

    largest: int = 1000
    refuses: bool = True
    """A larger one is refused (422); else it is cut to the largest in silence."""


class SafetyAmpApi(RemoteApi):
    """Answers as SafetyAmp does."""

    def __init__(
        self, world: World, *, token: str, limiter: CallLimiter, faults: Faults, page_limit: PageLimit
    ) -> None:
        super().__init__(limiter=limiter, faults=faults, ledger=world.ledger)
        self._world = world
        self._authorization = f"Bearer {token}".encode()
        self._page_limit = page_limit

    def place(self, request: Request) -> Place:
        """The resource and the page in the path and query."""
        resource = request.path.removeprefix("/api/").partition("/")[0]
        return Place(resource, count_in(request.query.get("page"), 0) or 0, writes=request.method != "GET")

    def error(self, status: int, message: str) -> Answer:
        """``{"message": …}``"""
        return error_answer(status, message)

    def served(self, request: Request, place: Place) -> Answer:
        """Headers first, then the resource."""
        refused = self._refused(request)
        if refused is not None:
            return refused
        prefix, _, rest = request.path.removeprefix("/").partition("/")
        name, _, record_id = rest.partition("/")
        if prefix != "api" or name not in self._world or "/" in record_id:
            return error_answer(404, "Not Found.")
        try:
            return self._dispatched(request, place, record_id)
        except RejectionError as error:
            return Answer(422, orjson.dumps(error.body()))
        except UnknownRecordError:
            return error_answer(404, "Not Found.")
        except NotAllowedError:
            return _not_allowed(request.method)

    def _refused(self, request: Request) -> Answer | None:
        """Wrong credentials, or a header missing that the vendor's documentation requires."""
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, self._authorization):
            return error_answer(401, "Unauthenticated.")
        for name in ("Fqdn", "User-Agent"):
            if not request.headers.get(name.lower()):
                return error_answer(400, f"Bad Request: The {name} header is required.")
        if "application/json" not in request.headers.get("accept", ""):
            return error_answer(400, "Bad Request: The Accept header must be application/json.")
        return None

    def _dispatched(self, request: Request, place: Place, record_id: str) -> Answer:
        if request.method == "GET" and not record_id:
            return self._listed(request, place)
        if request.method == "POST" and not record_id:
            return self._written(request, place, "")
        if request.method in _UPDATES.get(place.resource, ("PUT",)) and record_id:
            return self._written(request, place, record_id)
        return _not_allowed(request.method)

    def _listed(self, request: Request, place: Place) -> Answer:
        page, limit = request.query.get("page"), request.query.get("limit")
        if page is not None and limit is None:
            return error_answer(400, "Bad Request: A limit is required when using page.")
        number, size = count_in(page, 0), count_in(limit, _DEFAULT_LIMIT, least=1)
        if number is None or size is None:
            return error_answer(400, "Bad Request: page and limit must be whole numbers.")
        if size > self._page_limit.largest and self._page_limit.refuses:
            text = f"The limit may not be greater than {self._page_limit.largest}."
            raise RejectionError({"limit": [text]})
        rows = self._world.rows(place.resource)
        served = min(size, self._page_limit.largest)
        listed = self.faults.rows(place, served, len(rows), rows.read)
        return Answer(200, b'{"data":[' + b",".join(listed) + b"]}")

    def _written(self, request: Request, place: Place, record_id: str) -> Answer:
        try:
            body = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            return error_answer(400, "Bad Request: The body must be a JSON object.")
        heard = {name: body[name] for name in self.faults.heard(place, body)}
        if record_id:
            written = self._world.update(place.resource, record_id, heard, request.method, sent=body)
            return Answer(200, b'{"data":' + written + b"}")
        return Answer(201, b'{"data":' + self._world.create(place.resource, heard, sent=body) + b"}")


def _not_allowed(method: str) -> Answer:
    return error_answer(405, f"The {method} method is not supported for this route.")
