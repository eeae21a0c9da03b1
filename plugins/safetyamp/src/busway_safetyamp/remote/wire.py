"""One request over the wire and its whole answer, within a time and a size."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from busway.contracts.clock import Clock
from busway.contracts.retry_after import retry_after_seconds
from busway_safetyamp.remote.answers import lost
from busway_safetyamp.remote.errors import Answer
from busway_safetyamp.remote.loopback import is_loopback
from busway_safetyamp.remote.redacted import request_id_in
from busway_safetyamp.remote.retries import Transient
from busway_safetyamp.remote.service import Call

__all__ = ["ATTEMPT_SECONDS", "CONNECT_SECONDS", "READ_SECONDS", "Wire", "WireOptions"]

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
ATTEMPT_SECONDS = 90.0
"""For one request with its whole answer. A time-out for reading is for one read: a server that sends a byte now and
then never runs into it."""
LARGEST_BODY = 64 * 1024 * 1024
"""Bytes. A page of 20 administrators, each with hundreds of embedded sites, was seen to be about 3 MB."""
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.InvalidURL)
_REQUEST_IDS = ("X-Request-Id", "request-id")


@dataclass(frozen=True, slots=True)
class WireOptions:
    """How to reach a remote."""

    trust: ssl.SSLContext = field(default_factory=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    """Whom HTTPS trusts; nobody unless something else is said, which is enough for HTTP on this machine."""
    transport: httpx.BaseTransport | None = None
    """A stand-in for the network, from tests."""
    read_seconds: float = READ_SECONDS
    attempt_seconds: float = ATTEMPT_SECONDS


class Wire:
    """A pool of connections to one remote. Safe to use from many threads."""

    def __init__(self, address: str, headers: Mapping[str, str], clock: Clock, options: WireOptions) -> None:
        self._clock = clock
        self._seconds = options.attempt_seconds
        self._client = httpx.Client(
            base_url=address,
            headers={"Accept": "application/json", **headers},
            timeout=httpx.Timeout(options.read_seconds, connect=min(CONNECT_SECONDS, options.read_seconds)),
            transport=options.transport,
            verify=options.trust,
            # A proxy named in the environment cannot reach this machine's own sandbox.
            trust_env=not is_loopback(address),
        )

    def exchange(self, call: Call, **request: Any) -> Answer:
        """Sends one request (``params``, ``headers``, ``content`` as in httpx) and returns the whole answer.

        Raises ``NotServedError`` BW5102 for a create, and :class:`Transient` with it for everything else.
        """
        url, until = request.pop("url", call.path), self._clock.monotonic() + self._seconds
        try:
            with self._client.stream(call.method, url, **request) as response:
                return self._answer(call, response, until)
        except (httpx.RequestError, httpx.InvalidURL) as error:
            # The library's text may quote the address or a header; its class name says enough.
            failure = lost(call, cause=type(error).__name__, sent=not isinstance(error, _NEVER_SENT))
        raise failure if call.creates else Transient(failure)

    def close(self) -> None:
        """Gives the connections back."""
        self._client.close()

    def _answer(self, call: Call, response: httpx.Response, until: float) -> Answer:
        body = self._body(call, response, until)
        wait = retry_after_seconds(response.headers.get("Retry-After"), self._clock.now_ns())
        named = next((response.headers[name] for name in _REQUEST_IDS if name in response.headers), "")
        return Answer(response.status_code, body, wait, named or request_id_in(body))

    def _body(self, call: Call, response: httpx.Response, until: float) -> bytes:
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            parts.append(part)
            if size > LARGEST_BODY:
                raise lost(call, cause=f"its answer is larger than {LARGEST_BODY // 1024**2} MiB", sent=True)
            if self._clock.monotonic() > until:
                failure = lost(call, cause=f"its answer took longer than {self._seconds:g} s", sent=True)
                raise failure if call.creates else Transient(failure)
        return b"".join(parts)
