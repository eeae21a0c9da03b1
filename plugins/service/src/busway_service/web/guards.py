"""What every request passes before anybody looks at it: who it was sent to, from where, how often, how large."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from busway.contracts.clock import Clock
from busway.errors import BuswayError
from busway.operation.service_policy import ServicePolicy
from busway_service.numbers import Numbers
from busway_service.web.answers import problem_response, refusal
from busway_service.web.limits import RateLimit

__all__ = ["SECURITY_HEADERS", "Guards"]

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

SECURITY_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
PROBES = frozenset({"/livez", "/readyz", "/startupz"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Guards:
    """Wraps an application; refuses what must not come in, and gives every answer its headers."""

    def __init__(self, inner: Asgi, policy: ServicePolicy, clock: Clock, numbers: Numbers) -> None:
        self._inner = inner
        self._policy = policy
        self._numbers = numbers
        self._hosts = frozenset(policy.allowed_hosts) | (LOOPBACK_NAMES if policy.is_loopback else frozenset())
        # A bind to one name of loopback serves it under that name, too.
        self._hosts |= {policy.host} if self._hosts else frozenset()
        self._reads = RateLimit(policy.reads_per_minute, clock.monotonic)
        self._changes = RateLimit(policy.changes_per_minute, clock.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        began, telling = time.perf_counter(), _Telling(send)
        try:
            self._refuse(scope)
            await self._inner(scope, _Measured(receive, self._policy.max_body_bytes), telling)
        except BuswayError as error:
            if not telling.status:
                await problem_response(error)(scope, receive, telling)
        if scope["path"] not in PROBES:
            self._numbers.answered(_method(scope), telling.status, time.perf_counter() - began)

    def _refuse(self, scope: Scope) -> None:
        """Raises ``RequestError``: BW8112, BW8114, BW8115, BW8118."""
        if scope["path"] in PROBES:
            return  # the kubelet calls by address, and must never be told to come back later
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self._refuse_host(headers.get("host", ""))
        if scope["method"] not in SAFE:
            _refuse_other_sites(headers)
        if _length(headers) > self._policy.max_body_bytes:
            raise _too_large(self._policy.max_body_bytes)
        limit = self._reads if scope["method"] in SAFE else self._changes
        wait = limit.wait(scope["client"][0] if scope.get("client") else "")
        if wait:
            why = f"more than {self._limit_of(scope['method'])} within a minute"
            headers = {"Retry-After": str(math.ceil(wait))}
            raise refusal("BW8115", "too many requests", why=why, fix="ask less often", headers=headers)

    def _limit_of(self, method: str) -> int:
        return self._policy.reads_per_minute if method in SAFE else self._policy.changes_per_minute

    def _refuse_host(self, host: str) -> None:
        if self._hosts and _bare(host) not in self._hosts:
            why = f"it serves {', '.join(sorted(self._hosts))}"
            fix = 'call it by one of these, or allow the name: allowed_hosts = ["..."] under [service]'
            raise refusal("BW8112", "the Host header names no host that is served", why=why, fix=fix)


class _Telling:
    """Sends on, with the headers that every answer has; knows what was answered."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            message["headers"] = [*message.get("headers", ()), *SECURITY_HEADERS]
        await self._send(message)


class _Measured:
    """Receives on, and no more than may come: a length that was not said, or said wrongly, is found out here."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._seen = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self._most:
            raise _too_large(self._most)
        return message


def _too_large(most: int) -> BuswayError:
    return refusal("BW8114", "the body is too large", why=f"more than {most:,} bytes")


def _refuse_other_sites(headers: dict[str, str]) -> None:
    """A page of another site must not act in the name of who visits it: OWASP's Fetch Metadata, else the Origin."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    same = _bare(urlsplit(origin).netloc) == _bare(headers.get("host", "")) if origin else True
    if (site is not None and site not in ("same-origin", "none")) or not same:
        raise refusal("BW8118", "the request came from another site", why="a page must not act in a visitor's name")


def _bare(host: str) -> str:
    """A host without its port, and an address of version 6 without its brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _length(headers: dict[str, str]) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isdigit() else 0


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in SAFE | {"POST", "PUT", "PATCH", "DELETE"} else "other"
