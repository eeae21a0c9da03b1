"""The ASGI application: probes and metrics at once, the API as soon as it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Router

from busway.cli.deciding import named_actor
from busway.errors import BuswayError
from busway_service.web.answers import problem_response, refusal
from busway_service.web.guards import Asgi, Guards, Receive, Scope, Send
from busway_service.web.login import Caller, Login
from busway_service.web.probes import probe_routes

if TYPE_CHECKING:
    from busway_service.service import Service

__all__ = ["PREFIX", "make_application"]

PREFIX = "/api/v1"


def make_application(service: Service) -> Asgi:
    """The whole of it, guards included."""
    login = Login(service.policy, named_actor(service.app.boot.environ))

    def caller(request: Request) -> Caller:
        return login.caller(request.headers, request.client.host if request.client else "")

    routes = [*probe_routes(service, caller), Mount(PREFIX, app=LazyApi(service, caller))]
    handlers: Any = {HTTPException: _unserved, BuswayError: _refused}
    inner = Starlette(routes=routes, exception_handlers=handlers)
    inner.router.redirect_slashes = False
    return Guards(inner, service.policy, service.app.clock, service.numbers)


class LazyApi:
    """The API, made at its first use: a service is up as soon as its probes are."""

    def __init__(self, service: Service, caller: Any) -> None:
        self._service = service
        self._caller = caller
        self._router: Router | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if self._router is None:
            self._router = await run_sync(self._made)
        await self._router(scope, receive, send)

    def _made(self) -> Router:
        from busway_service.web.api import Api

        return Router(routes=Api(self._service, self._caller).routes(), redirect_slashes=False)


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
