"""The API of the account: headers, limit, paging, and the way to the world."""

from __future__ import annotations

import hmac
import threading
from collections import Counter
from dataclasses import replace

import orjson

from busway_safetyamp.sandbox.faults import Faults
from busway_safetyamp.sandbox.limiter import CallLimiter
from busway_safetyamp.sandbox.rejection import NotAllowedError, RejectionError, UnknownRecordError
from busway_safetyamp.sandbox.wire import Answer, Request, error_answer
from busway_safetyamp.sandbox.world import World

__all__ = ["Api"]

_DEFAULT_LIMIT = 25
_UPDATES = {"users": ("PATCH", "PUT")}
"""How a resource is updated where it is not by PUT alone."""


class Api:
    """Turns a request into an answer; one for all connections."""

    def __init__(self, world: World, *, token: str, limiter: CallLimiter, faults: Faults) -> None:
        self._world = world
        self._authorization = f"Bearer {token}".encode()
        self._limiter = limiter
        self._faults = faults
        self._counting = threading.Lock()
        self._answers: Counter[int] = Counter()

    @property
    def answers(self) -> dict[int, int]:
        """Calls of the API by the status they were answered with."""
        with self._counting:
            return dict(self._answers)

    def answer(self, request: Request) -> Answer:
        """The answer to one request."""
        if request.path == "/sandbox/ledger":
            return self._ledger(request)
        answer = self._faults.instead(request) or self._limited(request)
        with self._counting:
            self._answers[answer.status] += 1
        return answer

    def _ledger(self, request: Request) -> Answer:
        """Not a part of SafetyAmp: what was written, and how many calls there were."""
        if request.method != "GET":
            return error_answer(405, "The ledger can only be read.")
        writes = [write.as_dict() for write in self._world.ledger.writes]
        calls = {str(status): count for status, count in sorted(self.answers.items())}
        return Answer(200, orjson.dumps({"data": writes, "calls": calls}))

    def _limited(self, request: Request) -> Answer:
        wait = self._limiter.take()
        if wait:
            answer = error_answer(429, "Too Many Attempts.")
        else:
            answer = self._refused(request) or self._faults.afterwards(request, self._served(request))
        headers = self._limiter.headers(wait)
        return replace(answer, headers=headers) if headers else answer

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

    def _served(self, request: Request) -> Answer:
        prefix, _, rest = request.path.removeprefix("/").partition("/")
        name, _, record_id = rest.partition("/")
        if prefix != "api" or name not in self._world or "/" in record_id:
            return error_answer(404, "Not Found.")
        try:
            return self._dispatched(request, name, record_id)
        except RejectionError as error:
            return Answer(422, orjson.dumps(error.body()))
        except UnknownRecordError:
            return error_answer(404, "Not Found.")
        except NotAllowedError:
            return _not_allowed(request.method)

    def _dispatched(self, request: Request, name: str, record_id: str) -> Answer:
        if request.method == "GET" and not record_id:
            return self._listed(request, name)
        if request.method == "POST" and not record_id:
            return self._written(request, name, "")
        if request.method in _UPDATES.get(name, ("PUT",)) and record_id:
            return self._written(request, name, record_id)
        return _not_allowed(request.method)

    def _listed(self, request: Request, name: str) -> Answer:
        page, limit = request.query.get("page"), request.query.get("limit")
        if page is not None and limit is None:
            return error_answer(400, "Bad Request: A limit is required when using page.")
        number, size = _count(page, 0, least=0), _count(limit, _DEFAULT_LIMIT, least=1)
        if number is None or size is None:
            return error_answer(400, "Bad Request: page and limit must be whole numbers.")
        return Answer(200, b'{"data":' + self._world.page(name, number, size) + b"}")

    def _written(self, request: Request, name: str, record_id: str) -> Answer:
        try:
            body = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            return error_answer(400, "Bad Request: The body must be a JSON object.")
        if record_id:
            return Answer(200, b'{"data":' + self._world.update(name, record_id, body, request.method) + b"}")
        return Answer(201, b'{"data":' + self._world.create(name, body) + b"}")


def _count(text: str | None, default: int, *, least: int) -> int | None:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < least:
        return None
    return int(text)


def _not_allowed(method: str) -> Answer:
    return error_answer(405, f"The {method} method is not supported for this route.")
