"""The server of a stand-in: connections on loopback, with or without TLS, that do as an answer says."""

from __future__ import annotations

import errno
import logging
import socket
import socketserver
import ssl
import struct
import threading
import time
from email.utils import formatdate
from functools import lru_cache
from types import TracebackType
from typing import Any, Protocol, Self, cast

from busway.errors import UsageError
from busway_safetyamp.sandbox.wire import Answer, Ending, MalformedRequestError, Request, error_answer, read_request

__all__ = ["Api", "StandIn"]

_HOST = "127.0.0.1"
_POLL_SECONDS = 0.05
_log = logging.getLogger(__name__)


class Api(Protocol):
    """What answers requests; one for all connections."""

    def answer(self, request: Request) -> Answer:
        """The answer to one request."""
        ...


class StandIn:
    """An API behind HTTP on 127.0.0.1, in daemon threads of this process.

    :param port: 0 takes any free one.
    :param tls: speaks HTTPS with the certificate in it.
    """

    def __init__(self, api: Api, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._api_served = api
        self._port = port
        self._tls = tls
        self._listener: _Listener | None = None

    def start(self) -> Self:
        """Listens and answers from now on. Raises ``UsageError`` BW8004 when the port is taken."""
        try:
            self._listener = _Listener(self._api_served, self._port, self._tls)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise _port_taken(self._port, error) from error
        serve = self._listener.serve_forever
        threading.Thread(target=serve, args=(_POLL_SECONDS,), name="safetyamp-sandbox", daemon=True).start()
        return self

    @property
    def url(self) -> str:
        """Where it listens."""
        if self._listener is None:
            raise RuntimeError("the stand-in has not been started")
        return f"{'https' if self._tls else 'http'}://{_HOST}:{self._listener.server_address[1]}"

    def close(self) -> None:
        """Stops listening and ends all connections. May be called twice."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.leaving.set()
            listener.shutdown()
            listener.server_close()

    def __enter__(self) -> Self:
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
            if isinstance(self.connection, ssl.SSLSocket):
                self.connection.do_handshake()
            while self._answer_next():
                pass
        except OSError as error:  # the peer hung up, or does not trust our certificate
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
        if answer.ending is Ending.HANG:
            self._leaving.wait()
            return False
        keep = request.keep_alive and answer.ending is Ending.KEEP
        data = answer.render(_date(), keep_alive=keep, with_body=request.method != "HEAD")
        if answer.pace:
            return self._send_slowly(data, answer.pace) and keep
        self._send(data)
        return keep

    @property
    def _leaving(self) -> threading.Event:
        return cast(_Listener, self.server).leaving

    def _answer_to(self, request: Request) -> Answer:
        try:
            return cast(_Listener, self.server).api.answer(request)
        except Exception:
            _log.exception("the sandbox failed to answer %s %s", request.method, request.path)
            return error_answer(500, "Server Error")

    def _send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def _send_slowly(self, data: bytes, pace: float) -> bool:
        """Whether it got to the end before the stand-in was closed."""
        head, _, body = data.partition(b"\r\n\r\n")
        self._send(head + b"\r\n\r\n")
        for at in range(len(body)):
            if self._leaving.wait(pace):
                return False
            self._send(body[at : at + 1])
        return True

    def _reset(self) -> bool:
        # Closing with a linger time of 0 makes the kernel send RST in place of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        return False


class _Listener(socketserver.ThreadingTCPServer):
    """Accepts connections and remembers them, so that none outlives the stand-in."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, api: Api, port: int, tls: ssl.SSLContext | None) -> None:
        self.api = api
        self.leaving = threading.Event()
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__((_HOST, port), _Connection)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake is made by the connection's own thread: a peer that never begins it must stop nobody.
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

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
