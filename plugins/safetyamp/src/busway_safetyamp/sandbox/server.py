"""The sandbox: a SafetyAmp account that answers on loopback."""

from __future__ import annotations

import errno
import logging
import socket
import socketserver
import struct
import threading
import time
from email.utils import formatdate
from functools import lru_cache
from types import TracebackType
from typing import Any, cast

from busway.contracts.clock import Clock, SystemClock
from busway.errors import UsageError
from busway_safetyamp.sandbox.api import Api
from busway_safetyamp.sandbox.faults import Faults
from busway_safetyamp.sandbox.ledger import WriteLedger
from busway_safetyamp.sandbox.limiter import CallLimiter, RetryAfter
from busway_safetyamp.sandbox.wire import Answer, Ending, MalformedRequestError, Request, error_answer, read_request
from busway_safetyamp.sandbox.world import World

__all__ = ["SANDBOX_FQDN", "SANDBOX_TOKEN", "Sandbox"]

SANDBOX_TOKEN = "sandbox-token-for-loopback-only"
SANDBOX_FQDN = "sandbox.example.test"

_HOST = "127.0.0.1"
_POLL_SECONDS = 0.05
_log = logging.getLogger(__name__)


class Sandbox:
    """A SafetyAmp account behind HTTP on 127.0.0.1, in a daemon thread of this process.

    ``quota`` calls per ``period`` seconds are allowed, None lifts the limit; ``port`` 0 takes any free one.
    A test writes ``with Sandbox(world) as sandbox:`` and talks to :attr:`url` with :attr:`token`.
    """

    def __init__(
        self,
        world: World,
        *,
        quota: int | None = 60,
        period: float = 60.0,
        token: str = SANDBOX_TOKEN,
        port: int = 0,
        clock: Clock | None = None,
        retry_after: RetryAfter = RetryAfter.INTEGER,
    ) -> None:
        self.world = world
        self.token = token
        self.fqdn = SANDBOX_FQDN
        self.faults = Faults()
        self.limiter = CallLimiter(quota, period, clock or SystemClock(), retry_after)
        self._api = Api(world, token=token, limiter=self.limiter, faults=self.faults)
        self._port = port
        self._listener: _Listener | None = None

    def start(self) -> Sandbox:
        """Listens and answers from now on. Raises ``UsageError`` BW8004 when the port is taken."""
        try:
            self._listener = _Listener(self._api, self._port)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise _port_taken(self._port, error) from error
        serve = self._listener.serve_forever
        threading.Thread(target=serve, args=(_POLL_SECONDS,), name="safetyamp-sandbox", daemon=True).start()
        return self

    @property
    def url(self) -> str:
        """Where it listens, for ``SAFETYAMP_DOMAIN``."""
        if self._listener is None:
            raise RuntimeError("the sandbox has not been started")
        return f"http://{_HOST}:{self._listener.server_address[1]}"

    @property
    def ledger(self) -> WriteLedger:
        """What was written."""
        return self.world.ledger

    @property
    def calls(self) -> int:
        """How many calls of the API were answered, whatever the answer."""
        return sum(self._api.answers.values())

    @property
    def answers(self) -> dict[int, int]:
        """Calls by the status they were answered with."""
        return self._api.answers

    def close(self) -> None:
        """Stops listening and ends all connections. May be called twice."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown()
            listener.server_close()

    def __enter__(self) -> Sandbox:
        return self if self._listener else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Connection(socketserver.StreamRequestHandler):
    """Answers the requests of one connection, one after the other."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        try:
            while self._answer_next():
                pass
        except ConnectionError as error:
            _log.debug("the peer left: %s", error)

    def _answer_next(self) -> bool:
        """Whether the connection stays open for another request."""
        try:
            request = read_request(self.rfile)
        except MalformedRequestError as error:
            self._send(error_answer(error.status, str(error)).render(_date(), keep_alive=False))
            return False
        if request is None:
            return False
        answer = self._answer_to(request)
        if answer.ending is Ending.RESET:
            return self._reset()
        keep = request.keep_alive and answer.ending is Ending.KEEP
        self._send(answer.render(_date(), keep_alive=keep, with_body=request.method != "HEAD"))
        return keep

    def _answer_to(self, request: Request) -> Answer:
        try:
            return cast(_Listener, self.server).api.answer(request)
        except Exception:
            _log.exception("the sandbox failed to answer %s %s", request.method, request.path)
            return error_answer(500, "Server Error")

    def _send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def _reset(self) -> bool:
        # Closing with a linger time of 0 makes the kernel send RST in place of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        return False


class _Listener(socketserver.ThreadingTCPServer):
    """Accepts connections and remembers them, so that none outlives the sandbox."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, api: Api, port: int) -> None:
        self.api = api
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__((_HOST, port), _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        with self._open_lock:
            for connection in self._open:
                _hang_up(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.exception("a connection of the sandbox ended with an error")


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        _log.debug("the connection was already gone: %s", error)


@lru_cache(maxsize=2)
def _rendered_date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _date() -> str:
    """The ``Date`` header, rendered once per second."""
    return _rendered_date(int(time.time()))


def _port_taken(port: int, error: OSError) -> UsageError:
    return UsageError(
        "BW8004",
        f"the sandbox cannot listen on port {port}",
        where=f"{_HOST}:{port}",
        why=error.strerror or str(error),
        fix="stop what listens there, or choose another: busway safetyamp sandbox --port 0 takes any free one",
    )
