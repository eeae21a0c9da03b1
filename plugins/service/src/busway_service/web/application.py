"""The ASGI application: routes, logins, roles, audit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from busway.cli.deciding import named_actor
from busway.contracts.events import Severity
from busway.errors import BuswayError
from busway_service.web.answers import RequestError, problem_response, refusal, respond, told_as_our_own
from busway_service.web.call import Call, read_body, read_query
from busway_service.web.endpoints import ENDPOINTS, Endpoint
from busway_service.web.guards import Asgi, Guards
from busway_service.web.login import Caller, Login
from busway_service.web.openapi import PREFIX, openapi
from busway_service.web.probes import probe_routes

if TYPE_CHECKING:
    from busway_service.service import Service

__all__ = ["make_application"]

AT_ONCE = 8
"""Answers that are worked on at once; more wait, and probes never do."""


def make_application(service: Service) -> Asgi:
    """The whole of it, guards included."""
    api = Api(service)
    routes = [Route(PREFIX + one.path, api.route(one), methods=[one.method]) for one in _specific_first()]
    routes += [Route(f"{PREFIX}/openapi.json", api.document, methods=["GET"]), *probe_routes(service, api.caller)]
    handlers: Any = {HTTPException: _unserved, BuswayError: _refused}
    inner = Starlette(routes=routes, exception_handlers=handlers)
    return Guards(inner, service.policy, service.app.clock, service.numbers)


def _specific_first() -> list[Endpoint]:
    """Paths with a name in them come after those that spell it out."""
    return sorted(ENDPOINTS, key=lambda one: len(one.parameters))


class Api:
    """Calls handlers in threads, for whoever may call them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._login = Login(service.policy, named_actor(service.app.boot.environ))
        self._limiter = anyio.CapacityLimiter(AT_ONCE)

    def caller(self, request: Request) -> Caller:
        """Who asks. Raises ``RequestError`` BW8110 or BW8113."""
        return self._login.caller(request.headers, request.client.host if request.client else "")

    def route(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """The route of an endpoint."""
        return partial(self._answer, endpoint)

    async def document(self, request: Request) -> Response:
        """The OpenAPI document."""
        self.caller(request)
        import orjson

        made = await run_sync(openapi, self._service.policy, limiter=self._limiter)
        return Response(orjson.dumps(made), media_type="application/json")

    async def _answer(self, endpoint: Endpoint, request: Request) -> Response:
        caller: Caller | None = None
        try:
            caller = self.caller(request)
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


async def _unserved(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    what = "this address is not served with this method" if status == 405 else "nothing is served at this address"
    response = problem_response(refusal("BW8117", what, fix="see /api/v1/openapi.json"))
    response.status_code = status
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, BuswayError)  # noqa: S101 - what it is registered for
    return problem_response(error)
