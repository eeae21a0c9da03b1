"""The webhook sink: one signed POST per batch."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery
from busway.errors import ConfigurationError, UnreachableError
from busway_sink_webhook.answer import GONE, outcome
from busway_sink_webhook.guard import AddressGuard
from busway_sink_webhook.payload import body_of, message_id
from busway_sink_webhook.settings import WebhookSettings
from busway_sink_webhook.signing import keys_of, sign
from busway_sink_webhook.target import target_of
from busway_sink_webhook.transport import GuardedTransport, Resolve, resolve

__all__ = ["WebhookSink"]

CONNECT_SECONDS = 5.0
MAX_ANSWER_BYTES = 65_536
"""Read so that the connection can be used again; a longer answer costs the connection instead."""
PLACEHOLDER = "https://webhook.invalid/"


class WebhookSink:
    """Posts batches of events. Events below the configured severity count as delivered.

    No answer raises ``UnreachableError`` BW3203; an internal address ``ConfigurationError`` BW3204; a URL, secret or
    authority file that cannot be used BW3205. After a 410 nothing more is posted to that URL: batches are rejected.
    """

    batch_size = 20  # the specification recommends less than 20 kB; an event has some 500 bytes
    receives = frozenset({"events", "digests"})

    def __init__(
        self,
        settings: WebhookSettings,
        *,
        root: Path | None = None,
        clock: Clock | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._guard = AddressGuard(settings.allow_networks)
        self._client = httpx.Client(
            transport=GuardedTransport(self._guard, _tls_context(settings, root or Path()), resolve),
            timeout=httpx.Timeout(settings.timeout_seconds, connect=min(CONNECT_SECONDS, settings.timeout_seconds)),
            headers={"user-agent": "busway-sink-webhook", "content-type": "application/json"},
            trust_env=False,
            follow_redirects=False,
        )
        self._gone: httpx.URL | None = None

    def deliver(self, events: list[Event]) -> Delivery:
        """Posts those of ``events`` that are severe enough, and acknowledges the others."""
        posted = [event for event in events if self._wanted(event)]
        if not posted:
            return Delivery.done(events)
        answer = self._deliver(posted)
        filtered = {event.event_id for event in events} - {event.event_id for event in posted}
        return Delivery(answer.delivered | filtered, answer.rejected, answer.retry_after_seconds)

    def close(self) -> None:
        """Closes the connection. May be called twice."""
        self._client.close()

    def _wanted(self, event: Event) -> bool:
        return event.category == "digest" or event.severity >= self._settings.threshold

    def _deliver(self, events: Sequence[Event]) -> Delivery:
        target = target_of(self._settings.url.get_secret_value(), self._guard)
        if target == self._gone:
            return outcome(GONE, "", events, self._clock.now_ns())
        status, retry_after = self._post(target, events)
        if status == GONE:
            self._gone = target
        return outcome(status, retry_after, events, self._clock.now_ns())

    def _post(self, target: httpx.URL, events: Sequence[Event]) -> tuple[int, str]:
        body = body_of(events)
        request = self._client.build_request(
            "POST", PLACEHOLDER, content=body, headers=self._signature(message_id(events), body)
        )
        request.extensions["target"] = target
        deadline = self._clock.monotonic() + self._settings.timeout_seconds
        try:
            response = self._client.send(request, stream=True)
            try:
                self._drain(response, deadline)
            finally:
                response.close()
        except httpx.TransportError as error:
            raise _unreachable(target.host, error) from error
        return response.status_code, response.headers.get("retry-after", "")

    def _signature(self, webhook_id: str, body: bytes) -> Mapping[str, str]:
        timestamp = self._clock.now_ns() // 1_000_000_000
        headers = {"webhook-id": webhook_id, "webhook-timestamp": str(timestamp)}
        if self._settings.secret is not None:
            keys = keys_of(self._settings.secret.get_secret_value())
            headers["webhook-signature"] = sign(keys, webhook_id, timestamp, body)
        return headers

    def _drain(self, response: httpx.Response, deadline: float) -> None:
        """Reads the answer away, undecoded: neither its size, its compression nor its pace can hold us."""
        size = 0
        for chunk in response.iter_raw():
            size += len(chunk)
            if size > MAX_ANSWER_BYTES or self._clock.monotonic() > deadline:
                return


def _unreachable(host: str, error: httpx.TransportError) -> UnreachableError:
    # The texts of connection errors come from the system; others may repeat what the receiver sent.
    told = f": {error}" if isinstance(error, httpx.ConnectError) and str(error) else ""
    return UnreachableError(
        "BW3203",
        "the webhook does not answer",
        where=f"WEBHOOK_URL, host {host}",
        why=f"{type(error).__name__}{told}",
        fix="nothing is lost: it is tried again. Check the receiver and the network, then: busway events flush",
    )


def _tls_context(settings: WebhookSettings, root: Path) -> ssl.SSLContext:
    if not settings.ca_file:
        return httpx.create_ssl_context(trust_env=False)
    path = root / settings.ca_file
    try:
        return ssl.create_default_context(cafile=str(path))
    except OSError as error:  # ssl.SSLError, for a file that is no PEM, is one too
        raise ConfigurationError(
            "BW3205",
            "the webhook's settings cannot be used",
            where=f"WEBHOOK_CA_FILE={path}",
            why=f"{type(error).__name__}: {error.strerror or 'no certificate in it'}",
            fix="point WEBHOOK_CA_FILE at a PEM file, or leave it empty to trust the public authorities",
        ) from None
