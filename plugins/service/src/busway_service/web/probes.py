"""Probes and metrics. A probe is answered from memory: it asks no remote, no store, and no thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from busway_service.standing import Phase
from busway_service.web.answers import Answer, refusal, respond, told_as_our_own
from busway_service.web.login import Caller

if TYPE_CHECKING:
    from busway_service.service import Service

__all__ = ["probe_routes"]

SCHEMA = "busway.probe/1"


def probe_routes(service: Service, caller: Callable[[Request], Caller]) -> list[Route]:
    """``/livez``, ``/readyz``, ``/startupz`` and ``/metrics``."""
    probes = Probes(service, caller)
    paths = {"/livez": probes.live, "/readyz": probes.ready, "/startupz": probes.started, "/metrics": probes.metrics}
    return [Route(path, handler, methods=["GET"]) for path, handler in paths.items()]


class Probes:
    """Answers whether the process lives, works, and has started."""

    def __init__(self, service: Service, caller: Callable[[Request], Caller]) -> None:
        self._service = service
        self._caller = caller

    async def live(self, request: Request) -> Response:
        """503 when the clockwork has hung: a restart is all that helps then."""
        return self._told(self._service.alive, "alive" if self._service.alive else "hung")

    async def ready(self, request: Request) -> Response:
        """503 while it cannot do its work, or is stopping."""
        standing = self._service.standing
        return self._told(standing.ready, standing.word)

    async def started(self, request: Request) -> Response:
        """503 until what an earlier process left is taken over."""
        started = self._service.standing.phase is not Phase.STARTING
        return self._told(started, "started" if started else "starting")

    async def metrics(self, request: Request) -> Response:
        """The numbers of all runs and of this process, from the Prometheus sink."""
        if not self._service.policy.open_metrics:
            self._caller(request)
        sinks = (one.object for one in self._service.app.objects("sinks"))
        found: Any = next((sink for sink in sinks if callable(getattr(sink, "exposition", None))), None)
        if found is None:
            fix = 'pip install busway-sink-prometheus, and sinks = [..., "prometheus"] under [plugins]'
            raise refusal("BW8124", "there are no numbers to show", why="no sink that has them is selected", fix=fix)
        kind, text = await run_sync(told_as_our_own, "metrics", found.exposition)
        return Response(text, headers={"Content-Type": kind})

    def _told(self, good: bool, word: str) -> Response:
        data = {**self._service.standing.as_dict(), "status": word}
        return respond(SCHEMA, Answer(data, status=200 if good else 503, ok=good))
