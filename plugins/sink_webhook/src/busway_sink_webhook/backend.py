"""Connections for webhooks: addresses are checked where the connection is made, and nothing outlasts the deadline."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore

from busway_sink_webhook.deadline import Deadline, TimedStream, resolve_within
from busway_sink_webhook.guard import AddressGuard

__all__ = ["GuardedBackend", "Resolve", "resolve"]

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

    def __init__(self, guard: AddressGuard, resolve: Resolve, deadline: Deadline) -> None:
        self._guard = guard
        self._resolve = resolve
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connects to the first address that answers. Raises ``ConfigurationError`` BW3204 for a blocked one."""
        addresses = self._addresses(host, port, timeout)
        self._guard.check(host, addresses)
        tried = addresses[:MAX_ADDRESSES]
        options = list(socket_options or ())
        for number, address in enumerate(tried):
            left = self._deadline.cap(timeout, httpcore.ConnectTimeout)
            share = None if left is None else left / (len(tried) - number)
            try:
                stream = super().connect_tcp(address, port, share, local_address, options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number + 1 == len(tried):
                    raise
                continue  # the next address may answer
            return TimedStream(stream, self._deadline)
        raise httpcore.ConnectError("the host name has no address")

    def _addresses(self, host: str, port: int, timeout: float | None) -> Sequence[str]:
        left = self._deadline.cap(timeout, httpcore.ConnectTimeout)
        try:
            return resolve_within(self._resolve, host, port, left or 0.0)
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that is no DNS name
            raise httpcore.ConnectError("the host name cannot be resolved") from error
