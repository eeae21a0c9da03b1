"""An HTTP server that answers with exactly the bytes a test wants, as slowly as it wants."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType

__all__ = ["RawHttpServer", "answer"]


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    """The bytes of an answer, such as ``answer("200 OK", b"ok")``."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class RawHttpServer:
    """Serves between ``with`` and its end, one connection at a time, each kept until the client leaves.

    ``reply`` is asked for the pieces of each answer; between pieces the server waits ``pause`` seconds. No pieces
    hang up.
    """

    reply: Callable[[bytes], Iterable[bytes]]
    pause: float = 0.0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> RawHttpServer:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="raw-http-server", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        # A connection of our own ends the waiting for one.
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            connection, _ = self._listener.accept()
            with connection:
                if self._ended.is_set():
                    return
                self.connections += 1
                connection.settimeout(10)
                try:
                    while self._answer_one(connection):
                        pass
                except OSError:
                    continue  # the client has left

    def _answer_one(self, connection: socket.socket) -> bool:
        request = _read_request(connection)
        if not request:
            return False
        self.requests.append(request)
        pieces = list(self.reply(request))
        for piece in pieces:
            connection.sendall(piece)
            self._ended.wait(self.pause)
        return bool(pieces)


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65_536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body
