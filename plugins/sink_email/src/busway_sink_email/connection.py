"""One kept connection to the mail server: secured before anything is said, checked before it is used again."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

from busway.contracts.clock import Clock, SystemClock
from busway_sink_email.failures import Failures
from busway_sink_email.oauth import TokenSource, refuse_unusable, xoauth2
from busway_sink_email.security import refuse_clear_text, refuse_other_letters, tls_context
from busway_sink_email.settings import EmailSettings, parse_address
from busway_sink_email.time_limit import TimeLimit

__all__ = ["MailConnection"]

REST_SECONDS = 1.0
"""A connection that has rested longer is asked whether it still works before a mail is begun."""
STEP_SECONDS = 10.0
"""For each step on the wire, at most."""
TOO_BIG = 552
LEAVING = 421
"""The server closes the connection: with a new one it may well take the mail."""


class _Watched(smtplib.SMTP):
    """A connection that is under the time limit from its first word."""

    def __init__(self, limit: TimeLimit, *args: Any, **options: Any) -> None:
        self._limit = limit
        self.in_doubt = False
        """Whether a mail is under way that the server may have taken."""
        super().__init__(*args, **options)

    def connect(self, *args: Any, **options: Any) -> tuple[int, bytes]:
        """As the parent, which calls it while it is made."""
        self._limit.watch(self)
        return self._limit.within(partial(super().connect, *args, **options), self.close)

    def data(self, msg: Any) -> tuple[int, bytes]:
        """As the parent; from here on the mail may arrive."""
        self.in_doubt = True
        answer = super().data(msg)
        self.in_doubt = False
        return answer


class _WatchedSSL(_Watched, smtplib.SMTP_SSL):
    """The same, secured before its first word."""


class MailConnection:
    """A connection that opens itself when it is needed. Used by one thread, inside :meth:`limited`.

    Every failure to get one is ``UnreachableError`` BW3201 (nobody there, a 4xx) or ``RefusedError`` BW3202
    (no TLS, an untrusted certificate, a refused login); settings that cannot work are BW3206.
    """

    def __init__(self, settings: EmailSettings, root: Path, clock: Clock | None = None) -> None:
        self._settings = settings
        self.failures = Failures(f"{settings.server}:{settings.port}")
        refuse_clear_text(settings)
        refuse_unusable(settings)
        self._context = tls_context(settings, root)
        self._clock = clock or SystemClock()
        self._tokens = TokenSource(settings, self._clock)
        self._limit = TimeLimit(settings.timeout_seconds)
        self._sender = parse_address(settings.sender).addr_spec
        self._smtp: _Watched | None = None
        self._used = 0.0

    @contextmanager
    def limited(self) -> Iterator[None]:
        """All that is said in the block takes at most ``SMTP_TIMEOUT_SECONDS``."""
        with self._limit:
            yield

    def send(self, message: EmailMessage, recipients: Sequence[str]) -> Mapping[str, tuple[int, bytes]]:
        """Sends ``message``; returns the recipients the server refused, which may be all of them.

        Raises ``SMTPDataError`` when it refused the mail itself.
        """
        if self._smtp is not None:
            refused = self._send(message, recipients, again=True)
            if refused is not None:
                return refused
        return self._send(message, recipients, again=False) or {}

    def check(self) -> None:
        """Opens the connection, or proves that it still works."""
        self._ready()

    def drop(self) -> None:
        """Lets the connection go without another word."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()

    def close(self) -> None:
        """Takes leave of the server. May be called twice."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            try:
                with self._limit:
                    self._limit.watch(smtp)
                    smtp.quit()
            except (smtplib.SMTPException, OSError):
                smtp.close()  # the server left first; there is nobody to take leave of
        self._limit.end()

    def _send(
        self, message: EmailMessage, recipients: Sequence[str], *, again: bool
    ) -> Mapping[str, tuple[int, bytes]] | None:
        """As :meth:`send`; ``None`` when ``again`` is possible and the kept connection had ended before the mail."""
        smtp = self._ready()
        try:
            return smtp.send_message(message, self._sender, list(recipients))
        except smtplib.SMTPRecipientsRefused as error:
            if LEAVING not in {code for code, _ in error.recipients.values()}:
                return error.recipients
            failed: Exception = error  # the others it did not even hear about
        except smtplib.SMTPDataError:
            self.drop()
            raise
        except smtplib.SMTPSenderRefused as error:
            if error.smtp_code == TOO_BIG:  # told the size with the sender, the server answers there
                raise smtplib.SMTPDataError(error.smtp_code, error.smtp_error) from None
            failed = error
        except (smtplib.SMTPException, OSError) as error:
            failed = error
        self.drop()
        if again and not smtp.in_doubt and not self._limit.passed and _has_left(failed):
            return None
        raise self.failures.of(failed, late=self._limit.passed)

    def _ready(self) -> _Watched:
        if self._smtp is not None:
            self._limit.watch(self._smtp)
            rested = self._clock.monotonic() - self._used
            if rested < REST_SECONDS or _alive(self._smtp):
                self._used = self._clock.monotonic()
                return self._smtp
        self.drop()
        self._smtp = self._open()
        self._used = self._clock.monotonic()
        return self._smtp

    def _open(self) -> _Watched:
        smtp: _Watched | None = None
        try:
            smtp = self._connect()
            if self._settings.tls == "starttls":
                smtp.starttls(context=self._context)
            self._sign_in(smtp)
        except BaseException as error:
            if smtp is not None:
                smtp.close()
            if not isinstance(error, (smtplib.SMTPException, OSError, UnicodeError)):  # UnicodeError: no host name
                raise
            failed = error
        else:
            return smtp
        raise self.failures.of(failed, late=self._limit.passed)

    def _connect(self) -> _Watched:
        host, port = self._settings.server, self._settings.port
        seconds = min(STEP_SECONDS, self._settings.timeout_seconds)
        if self._settings.tls == "implicit":
            return _WatchedSSL(self._limit, host, port, timeout=seconds, context=self._context)
        return _Watched(self._limit, host, port, timeout=seconds)

    def _sign_in(self, smtp: smtplib.SMTP) -> None:
        user = self._settings.username
        smtp.ehlo_or_helo_if_needed()
        if not user:
            return
        if not self._settings.uses_oauth:
            password = self._settings.password.get_secret_value() if self._settings.password else ""
            refuse_other_letters(user, password)
            smtp.login(user, password)
            return
        if "XOAUTH2" not in smtp.esmtp_features.get("auth", "").upper().split():
            raise smtplib.SMTPNotSupportedError("XOAUTH2 is not offered")
        token = self._tokens.token()
        refuse_other_letters(user, token)
        try:
            smtp.auth("XOAUTH2", xoauth2(user, token))
        except smtplib.SMTPAuthenticationError:
            self._tokens.forget()
            raise


def _has_left(error: Exception) -> bool:
    """Whether the server had closed the connection, or says that it does."""
    if isinstance(error, smtplib.SMTPSenderRefused):
        return error.smtp_code == LEAVING
    # Not OSError: every exception of smtplib is one.
    return isinstance(
        error, smtplib.SMTPRecipientsRefused | smtplib.SMTPServerDisconnected | ConnectionError | ssl.SSLError
    )


def _alive(smtp: smtplib.SMTP) -> bool:
    try:
        return smtp.noop()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False
