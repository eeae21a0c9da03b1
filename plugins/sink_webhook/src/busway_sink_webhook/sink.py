"""The webhook sink: signed POSTs, each with as many events as fit."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import httpx

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery
from busway.errors import BuswayError, ConfigurationError
from busway_sink_webhook.answer import Answer, Verdict, asked_wait, is_a_page, slack_verdict, standard_verdict
from busway_sink_webhook.backend import Resolve, resolve
from busway_sink_webhook.client import WebhookClient
from busway_sink_webhook.guard import AddressGuard
from busway_sink_webhook.message import Message, traceparent
from busway_sink_webhook.payload import standard_message
from busway_sink_webhook.settings import WebhookSettings
from busway_sink_webhook.signing import Signer
from busway_sink_webhook.slack import slack_message
from busway_sink_webhook.target import target_of

__all__ = ["WebhookSink"]

GONE = Verdict("gone", "the receiver answered 410 before: it wants no more; set another WEBHOOK_URL")


class WebhookSink:
    """Posts batches of events. Events below the configured severity count as delivered.

    No answer raises ``UnreachableError`` BW3203; an internal address ``ConfigurationError`` BW3204; a URL, secret or
    authority file that cannot be used BW3205. After a 410 nothing more is posted to that URL: batches are rejected.
    """

    batch_size = 20
    receives = frozenset({"events", "digests"})

    def __init__(
        self,
        settings: WebhookSettings,
        *,
        app: str = "busway",
        root: Path | None = None,
        clock: Clock | None = None,
        resolve: Resolve = resolve,
        logger: logging.Logger | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._log = logger or logging.getLogger(__name__)
        self._guard = AddressGuard(settings.allow_networks)
        self._client = WebhookClient(self._guard, _tls_context(settings, root or Path()), resolve, self._clock)
        is_slack = settings.format == "slack"
        self._shape = partial(slack_message, app=app) if is_slack else standard_message
        self._judge = slack_verdict if is_slack else standard_verdict
        self._signer: tuple[str, Signer] | None = None
        self._target: tuple[str, httpx.URL] | None = None
        self._gone: httpx.URL | None = None
        self._open: tuple[str, ...] = ()
        """Ids of the events in a request that may have arrived: it comes again as it was, under its own id."""
        self._page_seen = False

    def deliver(self, events: list[Event]) -> Delivery:
        """Posts those of ``events`` that are severe enough, in order, and acknowledges the others."""
        posted = [event for event in events if self._wanted(event)]
        settled = _Settled(events, posted)
        if posted:
            self._post_all(posted, settled)
        return settled.answer()

    def close(self) -> None:
        """Closes the connection. May be called twice."""
        self._client.close()

    def _wanted(self, event: Event) -> bool:
        return event.category == "digest" or event.severity >= self._settings.threshold

    def _post_all(self, events: list[Event], settled: _Settled) -> None:
        """Until everything is settled, the receiver asks to wait, or the time for one delivery is over."""
        target = self._target_now()
        until = self._clock.monotonic() + self._settings.timeout_seconds
        runs, whole = [events], self._whole(events)
        while runs and (seconds := until - self._clock.monotonic()) > 0:
            run = runs.pop(0)
            message = self._shape(run, whole)
            count, whole = len(message.events), 0
            rest = [run[count:]] if run[count:] else []
            verdict = self._post(target, message, seconds, settled)
            if verdict.state == "later":
                return
            if verdict.state == "bad content" and count > 1:
                # One of them is at fault, and halving finds it; the others shall not go under with it.
                runs[:0] = [run[: count // 2], run[count // 2 : count], *rest]
                continue
            settled.settle(message.events, verdict)
            runs[:0] = rest

    def _target_now(self) -> httpx.URL:
        text = self._settings.url.get_secret_value()
        if self._target is None or self._target[0] != text:
            self._target = (text, target_of(text, self._guard))
        return self._target[1]

    def _whole(self, events: Sequence[Event]) -> int:
        """How many of ``events`` were in a request before whose answer never came."""
        before = len(self._open)
        return before if tuple(event.event_id for event in events[:before]) == self._open else 0

    def _post(self, target: httpx.URL, message: Message, seconds: float, settled: _Settled) -> Verdict:
        """What becomes of ``message``."""
        if target == self._gone:
            return GONE
        self._open = message.event_ids
        try:
            answer = self._client.post(target, self._headers(message), message.body, seconds)
        except BuswayError:
            if not settled.any:
                raise
            return Verdict("later")  # what is settled must be told; what is left comes again
        verdict = self._judge(answer)
        if verdict.state == "later":
            settled.retry_after = asked_wait(answer, self._clock.now_ns())
        else:
            self._open = ()
        if verdict.state == "gone":
            self._gone = target
        self._warn_of_a_page(answer, target)
        return verdict

    def _headers(self, message: Message) -> dict[str, str]:
        timestamp = self._clock.now_ns() // 1_000_000_000
        message_id = message.id
        headers = {
            "content-type": "application/json",
            "user-agent": "busway-sink-webhook",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
        }
        if self._settings.secret is not None:
            signer = self._signer_for(self._settings.secret.get_secret_value())
            headers["webhook-signature"] = signer.sign(message_id, timestamp, message.body)
        trace = traceparent(message.events)
        return {**headers, "traceparent": trace} if trace else headers

    def _signer_for(self, secret: str) -> Signer:
        """A new one when the secret was rotated."""
        if self._signer is None or self._signer[0] != secret:
            self._signer = (secret, Signer(secret))
        return self._signer[1]

    def _warn_of_a_page(self, answer: Answer, target: httpx.URL) -> None:
        """By the specification a 2xx is a receipt, whatever it holds; but a page may come from something in front."""
        if self._page_seen or not is_a_page(answer):
            return
        self._page_seen = True
        self._log.warning(
            "the webhook at %s answers %d with a page for people: does WEBHOOK_URL lead to the receiver, "
            "and not to a login or a notice in front of it?",
            target.host,
            answer.status,
        )


class _Settled:
    """What is known about a batch so far."""

    def __init__(self, events: Sequence[Event], posted: Sequence[Event]) -> None:
        self._delivered = {event.event_id for event in events} - {event.event_id for event in posted}
        self._rejected: dict[str, str] = {}
        self.any = False
        """Whether the receiver has settled something; what is not meant for it does not count."""
        self.retry_after: float | None = None

    def settle(self, events: Sequence[Event], verdict: Verdict) -> None:
        """``events`` were taken, or never will be."""
        self.any = True
        if verdict.state == "delivered":
            self._delivered |= {event.event_id for event in events}
        else:
            self._rejected |= {event.event_id: verdict.reason for event in events}

    def answer(self) -> Delivery:
        """For the core; what is in neither field comes again."""
        return Delivery(frozenset(self._delivered), self._rejected, self.retry_after)


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
