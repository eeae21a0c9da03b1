"""The email sink: one mail per batch."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Mapping
from pathlib import Path

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery
from busway_sink_email.connection import MailConnection, reason_of
from busway_sink_email.message import build_message
from busway_sink_email.settings import EmailSettings, parse_address

__all__ = ["EmailSink"]

_NOBODY: tuple[str, frozenset[str]] = ("", frozenset())


class EmailSink:
    """Mails batches of events. Events below the configured severity count as delivered.

    A server that cannot take the mail now raises ``UnreachableError`` BW3201, one that will not talk to us
    ``RefusedError`` BW3202; a mail or recipients refused for good reject the batch. Settings that cannot work
    raise ``ConfigurationError`` BW3206 when the sink is built.
    """

    batch_size = 50
    receives = frozenset({"events", "digests"})

    def __init__(
        self,
        settings: EmailSettings,
        *,
        app: str = "busway",
        root: Path | None = None,
        clock: Clock | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        self._settings = settings
        self._app = app
        self._clock = clock or SystemClock()
        self._log = logger or logging.getLogger(__name__)
        self._sender = parse_address(settings.sender)
        self._recipients = tuple(parse_address(text) for text in settings.recipients)
        self._connection = MailConnection(settings, root or Path())
        self._reached = _NOBODY

    def deliver(self, events: list[Event]) -> Delivery:
        """Sends one mail for those of ``events`` that are severe enough, and acknowledges the others."""
        mailed = [event for event in events if self._wanted(event)]
        if not mailed:
            return Delivery.done(events)
        refusal = self._send(mailed)
        if not refusal:
            return Delivery.done(events)
        filtered = [event for event in events if not self._wanted(event)]
        return Delivery.partial(filtered, rejected={event.event_id: refusal for event in mailed})

    def close(self) -> None:
        """Takes leave of the server."""
        self._connection.close()

    def _wanted(self, event: Event) -> bool:
        return event.category == "digest" or event.severity >= self._settings.threshold

    def _send(self, events: list[Event]) -> str:
        """Sends one mail; returns why it can never be sent, or nothing."""
        message = build_message(
            events, app=self._app, sender=self._sender, recipients=self._recipients, now_ns=self._clock.now_ns()
        )
        mail_id = str(message["Message-ID"])
        reached = self._reached[1] if self._reached[0] == mail_id else frozenset()
        outstanding = [address.addr_spec for address in self._recipients if address.addr_spec not in reached]
        try:
            refused = self._connection.send(message, outstanding)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except smtplib.SMTPDataError as error:
            return self._refused_mail(error)
        reached = reached.union(outstanding) - refused.keys()
        self._raise_if_deferred(refused, mail_id, reached)
        self._reached = _NOBODY
        return self._refused_recipients(refused, everybody=not reached)

    def _raise_if_deferred(
        self, refused: Mapping[str, tuple[int, bytes]], mail_id: str, reached: frozenset[str]
    ) -> None:
        """A recipient put off (greylisting) is tried again; those the mail has reached are not mailed twice."""
        later = sorted({reason_of(code, answer) for code, answer in refused.values() if code < 500})
        if later:
            self._reached = (mail_id, reached)
            raise self._connection.unreachable(f"it put recipients off ({', '.join(later)})")

    def _refused_mail(self, error: smtplib.SMTPDataError) -> str:
        reason = reason_of(error.smtp_code, error.smtp_error)
        if error.smtp_code < 500:
            raise self._connection.unreachable(f"it answered {reason}") from None
        return f"the mail server refused the mail ({reason})"

    def _refused_recipients(self, refused: Mapping[str, tuple[int, bytes]], *, everybody: bool) -> str:
        reasons = ", ".join(sorted({reason_of(code, answer) for code, answer in refused.values()}))
        if refused and everybody:
            return f"the mail server refused every recipient ({reasons}); check ALERT_EMAIL_TO"
        if refused:
            self._log.warning("%d of the recipients in ALERT_EMAIL_TO were refused (%s)", len(refused), reasons)
        return ""
