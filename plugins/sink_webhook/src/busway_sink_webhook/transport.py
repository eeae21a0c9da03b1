"""HTTP for webhooks: addresses are checked inside the connection, and the URL is kept out of every log."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore
import httpx

from busway_sink_webhook.guard import AddressGuard

__all__ = ["GuardedTransport", "Resolve", "resolve"]

Resolve = Callable[[str, int], Sequence[str]]
"""Host and port to its addresses; raises ``OSError`` when there are none."""

MAX_ADDRESSES = 4
"""Tried one after the other; more only lengthen an outage."""


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of ``host`` in the order of the system, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedBackend(httpcore.SyncBackend):
    """Resolves once, checks every address, connects to a checked one.

    Checking the URL beforehand would not do: a name can resolve differently when the connection is made.
    The certificate is still checked against the name, because httpcore takes that from the request.
    """

    def __init__(self, guard: AddressGuard, resolve: Resolve) -> None:
        self._guard = guard
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connects to the first address that answers. Raises ``ConfigurationError`` BW3204 for a blocked one."""
        addresses = self._addresses(host, port)
        self._guard.check(host, addresses)
        tried = addresses[:MAX_ADDRESSES]
        share = None if timeout is None else timeout / len(tried)
        options = list(socket_options or ())
        for address in tried[:-1]:
            try:
                return super().connect_tcp(address, port, share, local_address, options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue  # the next address may answer; the last one's error is the caller's
        return super().connect_tcp(tried[-1], port, share, local_address, options)

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that is no DNS name
            raise httpcore.ConnectError("the host name cannot be resolved") from error
        if not addresses:
            raise httpcore.ConnectError("the host name has no address")
        return addresses


class GuardedTransport(httpx.HTTPTransport):
    """Sends each request to the URL in its extension ``target``.

    httpx logs the URL of every request at INFO. The URL of a chat hook is a secret, so the client only ever
    sees a placeholder, and the real one is put in here, below the logging.
    """

    def __init__(self, guard: AddressGuard, context: ssl.SSLContext, resolve: Resolve) -> None:
        super().__init__(verify=context, trust_env=False)
        # httpx has no public way to choose the network backend; the pool is the one it would have made.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=1,
            keepalive_expiry=60.0,
            network_backend=GuardedBackend(guard, resolve),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends ``request`` to its target."""
        target: httpx.URL = request.extensions["target"]
        headers = request.headers.copy()
        headers["host"] = target.netloc.decode("ascii")
        extensions = {name: value for name, value in request.extensions.items() if name != "target"}
        return super().handle_request(
            httpx.Request(request.method, target, headers=headers, stream=request.stream, extensions=extensions)
        )
