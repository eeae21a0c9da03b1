"""The JSON API: logins, roles, handlers in threads, audit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import anyio
import orjson
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from busway.contracts.events import Severity
from busway.errors import BuswayError
from busway_service.web.answers import RequestError, refusal, respond, told_as_our_own
from busway_service.web.application import PREFIX
from busway_service.web.call import Call, read_body, read_query
from busway_service.web.endpoints import ENDPOINTS, Endpoint
from busway_service.web.login import Caller
from busway_service.web.openapi import openapi

if TYPE_CHECKING:
    from busway_service.service import Service

__all__ = ["Api"]

AT_ONCE = 8
"""Answers that are worked on at once; more wait, and probes never do."""


class Api:
    """Calls handlers in threads, for whoever may call them."""

    def __init__(self, service: Service, caller: Callable[[Request], Caller]) -> None:
        """:param caller: finds out who asks; raises ``RequestError`` BW8110 or BW8113."""
        self._service = service
        self._caller = caller
        self._limiter = anyio.CapacityLimiter(AT_ONCE)

    def routes(self) -> list[Route]:
        """The routes below the prefix; paths with a name in them come after those that spell it out."""
        specific_first = sorted(ENDPOINTS, key=lambda one: len(one.parameters))
        made = [Route(one.path, self._route(one), methods=[one.method]) for one in specific_first]
        return [*made, Route("/openapi.json", self._document, methods=["GET"])]

    def _route(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """The route of an endpoint."""
        return partial(self._answer, endpoint)

    async def _document(self, request: Request) -> Response:
        """The OpenAPI document."""
        self._caller(request)
        made = await run_sync(openapi, self._service.policy, limiter=self._limiter)
        return Response(orjson.dumps(made), media_type="application/json")

    async def _answer(self, endpoint: Endpoint, request: Request) -> Response:
        caller: Caller | None = None
        try:
            caller = self._caller(request)
            _refuse_role(endpoint, caller)
            call = await self._call(endpoint, request, caller)
            answer = await run_sync(
                told_as_our_own, endpoint.name, partial(endpoint.handler, call), limiter=self._limiter
            )
        except BuswayError as error:
            if endpoint.method != "GET":
                await run_sync(partial(self._audit, endpoint, request, caller, error=error), limiter=self._limiter)
            raise
        if endpoint.method != "GET":
            await run_sync(partial(self._audit, endpoint, request, caller), limiter=self._limiter)
        return respond(endpoint.schema, answer)

    async def _call(self, endpoint: Endpoint, request: Request, caller: Caller) -> Call:
        query = read_query(endpoint.query, request.query_params.multi_items()) if endpoint.query else None
        if endpoint.query is None and request.query_params:
            raise refusal("BW8116", "the query cannot be understood", why="this address takes no parameters")
        body = None
        if endpoint.body is not None:
            body = read_body(endpoint.body, request.headers.get("content-type", ""), await request.body())
        return Call(self._service, caller, dict(request.path_params), query, body)

    def _audit(
        self, endpoint: Endpoint, request: Request, caller: Caller | None, *, error: BuswayError | None = None
    ) -> None:
        """Each call that changes something, or was to: who, what, from where, with which end."""
        attributes = {
            "operation": f"api {endpoint.name}",
            "actor": caller.actor if caller else "",
            "role": caller.role.name.lower() if caller else "",
            "auth": self._service.policy.auth,
            "peer": request.client.host if request.client else "",
            "path": PREFIX + endpoint.path,
            "subject": ", ".join(request.path_params.values()),
            "outcome": error.code if error else "done",
        }
        severity = Severity.WARNING if isinstance(error, RequestError) else Severity.INFO
        self._service.app.events.emit("audit", severity=severity, attributes=attributes)


def _refuse_role(endpoint: Endpoint, caller: Caller) -> None:
    if caller.role < endpoint.role:
        needed, has = endpoint.role.name.lower(), caller.role.name.lower()
        why = f"{caller.actor} is {has}, and this needs {needed}"
        raise refusal("BW8111", "the caller may not do this", why=why, fix="have the role changed under [service]")
