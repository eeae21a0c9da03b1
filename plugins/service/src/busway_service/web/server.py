"""uvicorn, told by the service when to begin and when to end."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator
from typing import TYPE_CHECKING

import uvicorn

from busway_service.web.application import make_application

if TYPE_CHECKING:
    from busway_service.service import Service

__all__ = ["Server"]

CLOSING_SECONDS = 1
"""What requests under way get at the end."""


class _Quiet(uvicorn.Server):
    """Signals are the service's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leaves them alone."""
        yield


class Server:
    """Serves the application of ``service`` on a socket that is bound already."""

    def __init__(self, service: Service, listener: socket.socket) -> None:
        config = uvicorn.Config(
            make_application(service),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            # A login through a proxy goes by the peer's own address, not by what a header says of it.
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=CLOSING_SECONDS,
            timeout_keep_alive=15,
            h11_max_incomplete_event_size=16 * 1024,
        )
        self._server = _Quiet(config)
        self._listener = listener

    async def run(self) -> None:
        """Until it is stopped."""
        await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        """Ends it: requests under way are finished."""
        self._server.should_exit = True
