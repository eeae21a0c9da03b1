"""The sink: one request with log records, and one with spans when sessions ended."""

from __future__ import annotations

import httpx

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery
from busway.errors import ConfigurationError, UnreachableError
from busway_sink_otel.answer import outcome
from busway_sink_otel.records import logs_request, spans_request
from busway_sink_otel.settings import OtelSettings, headers_of

__all__ = ["OtelSink"]

CONNECT_SECONDS = 5.0


class OtelSink:
    """Speaks OTLP over HTTP with protobuf bodies, built from the published messages.

    The SDK would be the alternative: its exporters batch, retry and drop on their own, in threads of their own, and
    do not say what became of a record; here the core has to know. No answer raises ``UnreachableError`` BW3240,
    headers that are none ``ConfigurationError`` BW3241.
    """

    batch_size = 200
    receives = frozenset({"events", "digests"})
    atomic = True

    def __init__(self, settings: OtelSettings, app: str, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._service = settings.service_name or app
        self._client = httpx.Client(
            timeout=httpx.Timeout(settings.timeout_seconds, connect=min(CONNECT_SECONDS, settings.timeout_seconds)),
            headers={"content-type": "application/x-protobuf", "user-agent": "busway-sink-otel"},
            follow_redirects=False,
        )

    def deliver(self, events: list[Event]) -> Delivery:
        """Spans first: when the logs that follow fail, both come again, and a span of the same ids replaces itself."""
        spans = spans_request(events, self._service)
        if spans is not None:
            answer = self._post("/v1/traces", spans, events)
            if not answer.delivered:
                return answer
        return self._post("/v1/logs", logs_request(events, self._service), events)

    def probe(self) -> int:
        """Sends an empty request; the status of the answer."""
        return self._send("/v1/logs", b"").status_code

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def _post(self, path: str, body: bytes, events: list[Event]) -> Delivery:
        response = self._send(path, body)
        retry_after = response.headers.get("retry-after")
        return outcome(response.status_code, retry_after, events, self._clock.now_ns())

    def _send(self, path: str, body: bytes) -> httpx.Response:
        try:
            return self._client.post(self._settings.endpoint + path, content=body, headers=self._headers())
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # UnicodeError: no DNS name
            kind = type(error).__name__
        # Outside of the handler: texts of others may repeat what was sent, and must not travel along.
        raise UnreachableError(
            "BW3240",
            "the OpenTelemetry receiver does not answer",
            where=f"OTEL_EXPORTER_OTLP_ENDPOINT={self._settings.endpoint}",
            why=kind,
            fix="nothing is lost: it is tried again. Check the receiver and the network, then: busway events flush",
        )

    def _headers(self) -> dict[str, str]:
        if self._settings.headers is None:
            return {}
        try:
            return headers_of(self._settings.headers.get_secret_value())
        except ValueError as error:
            why = str(error)
        raise ConfigurationError(
            "BW3241",
            "the headers for the OpenTelemetry receiver cannot be used",
            where="setting OTEL_EXPORTER_OTLP_HEADERS",
            why=why,
            fix="write them name=value,name=value, with values percent-encoded",
        )
