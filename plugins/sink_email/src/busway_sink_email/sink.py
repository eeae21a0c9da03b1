"""The email sink: one mail per batch, and one for each digest."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery
from busway.errors import BuswayError
from busway_sink_email.connection import MailConnection
from busway_sink_email.failures import reason_of
from busway_sink_email.message import Letterhead
from busway_sink_email.settings import EmailSettings, parse_address

__all__ = ["EmailSink"]

_NOBODY: tuple[str, frozenset[str]] = ("", frozenset())


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a mail can never be sent."""

    reason: str
    content: bool = False
    """Because of what is in it: in parts, some of it may pass."""


class EmailSink:
    """Mails batches of events. Events below the configured severity count as delivered.

    A server that cannot take the mail now raises ``UnreachableError`` BW3201, one that will not talk to us
    ``RefusedError`` BW3202; a mail or recipients refused for good reject its events. Settings that cannot work
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
        self._clock = clock or SystemClock()
        self._log = logger or logging.getLogger(__name__)
        self._recipients = tuple(parse_address(text) for text in settings.recipients)
        self._letterhead = Letterhead(app, parse_address(settings.sender), self._recipients, self._log)
        self._connection = MailConnection(settings, root or Path(), self._clock)
        self._reached = _NOBODY
        """A mail and those it has reached, while it waits for others."""
        self._open: tuple[str, ...] = ()
        """Ids of the events in a mail that may have arrived: it comes again as it was, under its own id."""

    def deliver(self, events: list[Event]) -> Delivery:
        """Mails those of ``events`` that are severe enough, in order, and acknowledges the others."""
        mailed = [event for event in events if self._wanted(event)]
        filtered = {event.event_id for event in events} - {event.event_id for event in mailed}
        delivered: set[str] = set()
        rejected: dict[str, str] = {}
        if mailed:
            with self._connection.limited():
                self._mail_all(mailed, delivered, rejected)
        return Delivery(frozenset(delivered | filtered), rejected)

    def close(self) -> None:
        """Takes leave of the server."""
        self._connection.close()

    def _wanted(self, event: Event) -> bool:
        return event.category == "digest" or event.severity >= self._settings.threshold

    def _mail_all(self, events: list[Event], delivered: set[str], rejected: dict[str, str]) -> None:
        runs, whole = [events], self._whole(events)
        while runs:
            run = runs.pop(0)
            count, whole = whole or _first_mail(run), 0
            mail, rest = run[:count], [run[count:]] if run[count:] else []
            try:
                refusal = self._send(mail)
            except BuswayError:
                if not delivered and not rejected:
                    raise
                return  # what is settled must be told; what is left comes again
            if refusal is not None and refusal.content and count > 1:
                # One of them is at fault, and halving finds it; the others shall not go under with it.
                runs[:0] = [mail[: count // 2], mail[count // 2 :], *rest]
                continue
            if refusal is None:
                delivered |= {event.event_id for event in mail}
            else:
                rejected |= {event.event_id: refusal.reason for event in mail}
            runs[:0] = rest

    def _whole(self, events: Sequence[Event]) -> int:
        """How many of ``events`` were in a mail before of which nothing is known."""
        before = len(self._open)
        return before if tuple(event.event_id for event in events[:before]) == self._open else 0

    def _send(self, events: Sequence[Event]) -> Refusal | None:
        """Sends one mail; returns why it can never be sent, or nothing."""
        self._open = tuple(event.event_id for event in events)
        message = self._letterhead.message(events, self._clock.now_ns())
        mail_id = str(message["Message-ID"])
        reached = self._reached[1] if self._reached[0] == mail_id else frozenset()
        outstanding = [address.addr_spec for address in self._recipients if address.addr_spec not in reached]
        try:
            refused = self._connection.send(message, outstanding)
        except smtplib.SMTPDataError as error:
            refusal = self._refused_mail(error)
            self._open = ()
            return refusal
        reached = reached.union(outstanding) - refused.keys()
        self._raise_if_deferred(refused, mail_id, reached)
        self._reached, self._open = _NOBODY, ()
        return self._refused_recipients(refused, everybody=not reached)

    def _raise_if_deferred(
        self, refused: Mapping[str, tuple[int, bytes]], mail_id: str, reached: frozenset[str]
    ) -> None:
        """A recipient put off (greylisting) is tried again; those the mail has reached are not mailed twice."""
        later = sorted({reason_of(code, answer) for code, answer in refused.values() if code < 500})
        if later:
            self._reached = (mail_id, reached)
            raise self._connection.failures.unreachable(f"it put recipients off ({', '.join(later)})")

    def _refused_mail(self, error: smtplib.SMTPDataError) -> Refusal:
        reason = reason_of(error.smtp_code, error.smtp_error)
        if error.smtp_code < 500:
            raise self._connection.failures.unreachable(f"it answered {reason}") from None
        return Refusal(f"the mail server refused the mail ({reason})", content=True)

    def _refused_recipients(self, refused: Mapping[str, tuple[int, bytes]], *, everybody: bool) -> Refusal | None:
        reasons = ", ".join(sorted({reason_of(code, answer) for code, answer in refused.values()}))
        if refused and everybody:
            return Refusal(f"the mail server refused every recipient ({reasons}); check ALERT_EMAIL_TO")
        if refused:
            self._log.warning("%d of the recipients in ALERT_EMAIL_TO were refused (%s)", len(refused), reasons)
        return None


def _first_mail(events: Sequence[Event]) -> int:
    """How many of ``events`` go into the first mail: one digest, or all up to the next digest."""
    if events[0].category == "digest":
        return 1
    return next((number for number, event in enumerate(events) if event.category == "digest"), len(events))
