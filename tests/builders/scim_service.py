"""A real SCIM 2.0 service on loopback, and what can be made to go wrong with it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable
from typing import Any

from scim2_server.memory import InMemoryStorage
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.utils import load_default_provider
from werkzeug.serving import WSGIRequestHandler, make_server

TOKEN = "synthetic-token-of-the-service"
PROVIDER = load_default_provider()
Answer = tuple[str, list[tuple[str, str]], bytes]


class QuietHandler(WSGIRequestHandler):
    """Without an access log between the dots of pytest."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing to tell."""


class ScimService:
    """The service of the package scim2-server behind a threaded server; each fault strikes until it is taken back."""

    def __init__(self) -> None:
        self.storage = InMemoryStorage()
        self.calls: list[tuple[str, str, int]] = []
        """Method, path and status of what was answered."""
        self.instead: dict[str, Answer] = {}
        """Answers given in place of the service's, by method."""
        self.loses_answers = False
        """Writes are carried out, and the connection ends instead of an answer."""
        self.forgets: int | None = None
        """From this ``startIndex`` on, a page has one user less than there are."""
        self.leaves_at: int | None = None
        """At this ``startIndex`` somebody deletes a user."""
        self._app = BearerTokenApplication(self.storage, PROVIDER, bearer_tokens=[TOKEN])
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=QuietHandler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v2"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def answers(self, method: str, status: str, body: str = "{}", **headers: str) -> None:
        """Gives this answer to each call with ``method``."""
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.instead[method] = (status, named, body.encode())

    def users(self) -> dict[str, dict[str, Any]]:
        """What it holds, by ``userName``."""
        dumped = [user.model_dump() for user in self.storage.resources]
        return {user["userName"]: user for user in dumped}

    def close(self) -> None:
        """Ends it; from now on nobody listens."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        method, path, start = environ["REQUEST_METHOD"], environ["PATH_INFO"], _start_index(environ)
        if self.leaves_at is not None and start == self.leaves_at:
            self.leaves_at = None
            self.storage.resources = self.storage.resources[:-1]
        status, headers, body = self.instead.get(method) or self._answer(environ)
        if self.forgets is not None and start is not None and start >= self.forgets:
            body = _without_last(body)
            headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        self.calls.append((method, path, int(status.split()[0])))
        if self.loses_answers and method != "GET":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return []
        start_response(status, headers)
        return [body]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        told: list[Any] = []
        body = b"".join(self._app(environ, lambda status, headers: told.extend((status, headers))))
        return told[0], told[1], body


def _start_index(environ: dict[str, Any]) -> int | None:
    asked = dict(part.split("=", 1) for part in environ["QUERY_STRING"].split("&") if "=" in part)
    return int(asked["startIndex"]) if "startIndex" in asked else None


def _without_last(body: bytes) -> bytes:
    page = json.loads(body)
    return json.dumps({**page, "Resources": page["Resources"][:-1]}).encode()
