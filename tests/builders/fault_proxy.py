"""A proxy between a client and its server that spoils what the server says."""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

__all__ = ["FaultProxy"]

Behaviour = Callable[[socket.socket, bytes], None]
"""What becomes of bytes the server sent: given the client's socket and the bytes."""


class FaultProxy:
    """Listens on a loopback port between ``with`` and its end, and passes everything on until it is told otherwise.

    :param port: of the server, on loopback.
    :param context: makes it speak TLS with clients.
    """

    host = "127.0.0.1"

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self._server_port = port
        self._context = context
        self._listener = socket.create_server((self.host, 0))
        self.port = int(self._listener.getsockname()[1])
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.accepted = 0
        """Connections so far."""
        self.answer: Behaviour = _pass_on
        self.deaf = False
        """While True nothing a client says reaches the server."""

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        with socket.socket() as last:
            last.connect((self.host, self.port))  # ends the wait for the next connection
        self.cut()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "the proxy did not stop"
        self._listener.close()

    def pass_on(self) -> None:
        """Spoils nothing from now on."""
        self.answer, self.deaf = _pass_on, False

    def half_open(self) -> None:
        """Connections stay open, and nothing goes through them in either direction."""
        self.answer, self.deaf = (lambda client, data: None), True

    def replace(self, answer: bytes) -> None:
        """Whatever the server says, the client hears this."""
        self.answer = lambda client, data: client.sendall(answer)

    def append(self, extra: bytes) -> None:
        """The client hears what the server says, and more."""
        self.answer = lambda client, data: client.sendall(data + extra)

    def trickle(self, pause: float) -> None:
        """The client hears one byte at a time, with a pause after each."""
        self.answer = self._trickling(pause)

    def cut(self) -> None:
        """Ends every connection there is."""
        with self._lock:
            for one in self._open:
                _shut(one)

    def _trickling(self, pause: float) -> Behaviour:
        def answer(client: socket.socket, data: bytes) -> None:
            for at in range(len(data)):
                client.sendall(data[at : at + 1])
                if self._stopping.wait(pause):
                    return

        return answer

    def _begin(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._stopping.is_set():
                client.close()
                return
            self.accepted += 1
            self._begin(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        try:
            if self._context is not None:
                client = self._context.wrap_socket(client, server_side=True)
            server = socket.create_connection((self.host, self._server_port))
        except OSError:
            client.close()  # the handshake failed, or the server is away
            return
        with client, server:
            with self._lock:
                self._open |= {client, server}
            try:
                self._pump(client, server)
            except OSError:
                pass  # one of them is gone
            finally:
                with self._lock:
                    self._open -= {client, server}

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            for one in (client, server):
                selector.register(one, selectors.EVENT_READ)
            while not self._stopping.is_set():
                for key, _ in selector.select():
                    if not (self._from_client(client, server) if key.fileobj is client else self._back(client, server)):
                        return

    def _from_client(self, client: socket.socket, server: socket.socket) -> bool:
        data = client.recv(65_536)
        while isinstance(client, ssl.SSLSocket) and client.pending():
            data += client.recv(65_536)
        if data and not self.deaf:
            server.sendall(data)
        return bool(data)

    def _back(self, client: socket.socket, server: socket.socket) -> bool:
        data = server.recv(65_536)
        if data:
            self.answer(client, data)
        return bool(data)


def _pass_on(client: socket.socket, data: bytes) -> None:
    client.sendall(data)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):  # the other side was faster
        one.shutdown(socket.SHUT_RDWR)
