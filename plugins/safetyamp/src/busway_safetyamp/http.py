"""The HTTP layer: headers, time-outs, quota and retries of every SafetyAmp call."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import orjson

from busway.contracts.clock import Clock
from busway.contracts.records import Record
from busway.errors import ConfigurationError
from busway_safetyamp.answers import Call, data_of, lost
from busway_safetyamp.limiter import Limiter
from busway_safetyamp.retries import Retries, Transient
from busway_safetyamp.retry_after import retry_after_seconds
from busway_safetyamp.settings import SafetyAmpSettings, is_loopback

__all__ = ["ATTEMPTS", "CONNECT_TIMEOUT", "READ_TIMEOUT", "SafetyAmpHttp"]

ATTEMPTS = 5
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class SafetyAmpHttp:
    """Sends one request and returns ``data`` of its answer. Safe to use from many threads.

    Reads and updates are repeated after 429, 502, 503, 504 and lost connections (an update sets values, so a second
    one changes nothing); a create only after 429 and 503, which say that nothing was done.
    """

    def __init__(
        self,
        settings: SafetyAmpSettings,
        *,
        limiter: Limiter,
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
        jitter: Callable[[], float] = random.random,
        attempts: int = ATTEMPTS,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self.domain = settings.domain
        self._token = settings.token
        self._limiter = limiter
        self._clock = clock
        self._retries = Retries(
            attempts=attempts, budget_seconds=settings.retry_budget_seconds, clock=clock, jitter=jitter
        )
        self._client = httpx.Client(
            base_url=settings.domain,
            headers={"Accept": "application/json", "Fqdn": settings.fqdn, "User-Agent": settings.user_agent},
            timeout=httpx.Timeout(read_timeout, connect=min(CONNECT_TIMEOUT, read_timeout)),
            transport=transport,
            # A proxy named in the environment cannot reach this machine's own sandbox.
            trust_env=not is_loopback(settings.domain),
        )

    def get(self, path: str, params: Mapping[str, int] | None = None) -> Any:
        """``data`` of a read. Raises ``RefusedError`` (BW50xx) and ``UnreachableError`` (BW51xx)."""
        return self._send(Call("GET", self.domain, path), params=params)

    def post(self, path: str, record: Record) -> Any:
        """``data`` of a create. Raises as :meth:`get`, and ``RejectedRecordError`` (BW5003).

        An error with ``ambiguous = True`` says that the record may exist now.
        """
        return self._send(Call("POST", self.domain, path), record=record)

    def patch(self, path: str, record: Record) -> Any:
        """``data`` of an update. Raises as :meth:`get`, and ``RejectedRecordError`` (BW5003)."""
        return self._send(Call("PATCH", self.domain, path), record=record)

    def close(self) -> None:
        """Gives the connections back."""
        self._client.close()

    def _send(self, call: Call, *, params: Mapping[str, int] | None = None, record: Record | None = None) -> Any:
        body = None if record is None else orjson.dumps(record)

        def attempt() -> Any:
            self._limiter.acquire()
            response = self._exchange(call, params, body)
            wait = retry_after_seconds(response.headers.get("Retry-After"), self._clock.now_ns() / 1e9)
            return data_of(call, response.status_code, response.content, wait)

        return self._retries.run(attempt)

    def _exchange(self, call: Call, params: Mapping[str, int] | None, body: bytes | None) -> httpx.Response:
        headers = {"Authorization": self._authorization()}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            return self._client.request(call.method, call.path, params=params, content=body, headers=headers)
        except httpx.RequestError as error:
            # The library's text may quote the address or a header; its class name says enough.
            failure = lost(call, cause=type(error).__name__, sent=not isinstance(error, _NEVER_SENT))
        raise failure if call.creates else Transient(failure)

    def _authorization(self) -> str:
        # Asked for each time: a rotated key takes effect without a restart.
        token = self._token.get_secret_value().strip()
        if not token or not token.isascii() or not token.isprintable():
            raise ConfigurationError(
                "BW5006",
                "SAFETYAMP_TOKEN cannot be sent as a key",
                where="SAFETYAMP_TOKEN",
                why="it is empty or holds characters that do not belong in a header, such as a line break",
                fix="copy the key again: `busway config explain SAFETYAMP_TOKEN` shows where it comes from",
            )
        return f"Bearer {token}"
