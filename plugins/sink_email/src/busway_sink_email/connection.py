"""One kept connection to the mail server: secured before anything is said, checked before it is used again."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path

from busway.errors import BuswayError, ConfigurationError, RefusedError, UnreachableError
from busway_sink_email.settings import EmailSettings, is_loopback

__all__ = ["MailConnection", "reason_of"]

TIMEOUT_SECONDS = 10.0
"""For each step on the wire; a delivery as a whole has 30 s."""


class MailConnection:
    """A connection that opens itself when it is needed. Used by one thread.

    Every failure to get one is ``UnreachableError`` BW3201 (nobody there, a 4xx) or ``RefusedError`` BW3202
    (no TLS, an untrusted certificate, a refused login); settings that cannot work are BW3206.
    """

    def __init__(self, settings: EmailSettings, root: Path) -> None:
        self._settings = settings
        self._where = f"{settings.server}:{settings.port}"
        _refuse_clear_text(settings)
        self._context = _tls_context(settings, root)
        self._smtp: smtplib.SMTP | None = None

    def send(self, message: EmailMessage, recipients: Sequence[str]) -> Mapping[str, tuple[int, bytes]]:
        """Sends ``message``; returns the recipients the server refused while it took the mail for others.

        Raises ``SMTPRecipientsRefused`` when it refused all of them and ``SMTPDataError`` when it refused the mail.
        """
        smtp = self._ready()
        try:
            return smtp.send_message(message, to_addrs=list(recipients))
        except smtplib.SMTPRecipientsRefused:
            raise
        except smtplib.SMTPDataError:
            self.drop()
            raise
        except (smtplib.SMTPException, OSError) as error:
            self.drop()
            raise self._failure(error) from None

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
        if smtp is None:
            return
        try:
            smtp.quit()
        except (smtplib.SMTPException, OSError):
            smtp.close()  # the server left first; there is nobody to take leave of

    def _ready(self) -> smtplib.SMTP:
        if self._smtp is not None and _alive(self._smtp):
            return self._smtp
        self.drop()
        self._smtp = self._open()
        return self._smtp

    def _open(self) -> smtplib.SMTP:
        smtp: smtplib.SMTP | None = None
        try:
            smtp = self._connect()
            if self._settings.tls == "starttls":
                smtp.starttls(context=self._context)
            if self._settings.username:
                smtp.login(self._settings.username, self._password())
            else:
                smtp.ehlo_or_helo_if_needed()
        except BaseException as error:
            if smtp is not None:
                smtp.close()
            if isinstance(error, (smtplib.SMTPException, OSError)):
                raise self._failure(error) from None
            raise
        return smtp

    def _connect(self) -> smtplib.SMTP:
        host, port = self._settings.server, self._settings.port
        if self._settings.tls == "implicit":
            return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=self._context)
        return smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)

    def _password(self) -> str:
        return self._settings.password.get_secret_value() if self._settings.password else ""

    def _failure(self, error: Exception) -> BuswayError:
        """The error with a code. Texts of the server stay out: they repeat addresses and account names."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return self._refused(
                f"its certificate is not trusted: {error.verify_message}",
                "if your own authority signed it, set SMTP_CA_FILE to that authority's PEM file",
            )
        if isinstance(error, (ssl.SSLError, smtplib.SMTPNotSupportedError)):
            return self._refused(
                "it does not offer the security or login that is configured",
                "check SMTP_TLS and SMTP_PORT: starttls on 587, implicit on 465",
            )
        if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
            return self._refused(
                f"the login failed ({reason_of(error.smtp_code, error.smtp_error)})",
                "check SMTP_USERNAME and SMTP_PASSWORD: busway config explain SMTP_PASSWORD",
            )
        if isinstance(error, smtplib.SMTPSenderRefused) and error.smtp_code >= 500:
            return self._refused(
                f"it does not accept our sender ({reason_of(error.smtp_code, error.smtp_error)})",
                "set ALERT_EMAIL_FROM to an address this account may send from",
            )
        return self.unreachable(_why(error))

    def unreachable(self, why: str) -> UnreachableError:
        """BW3201 for this server."""
        return UnreachableError(
            "BW3201",
            "the mail server does not take mail now",
            where=self._where,
            why=why,
            fix="nothing is lost: it is tried again. Check SMTP_SERVER and SMTP_PORT, then: busway events flush",
        )

    def _refused(self, why: str, fix: str) -> RefusedError:
        return RefusedError(
            "BW3202", "the mail server and we do not come to terms", where=self._where, why=why, fix=fix
        )


def reason_of(code: int, answer: bytes | str) -> str:
    """``550 5.1.1``: the numbers of an answer, without its text, which may repeat an address."""
    text = answer.decode("ascii", "replace") if isinstance(answer, bytes) else answer
    enhanced = re.match(r"[245]\.\d{1,3}\.\d{1,3}", text)
    return f"{code} {enhanced[0]}" if enhanced else str(code)


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it answered {reason_of(error.smtp_code, error.smtp_error)}"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "it closed the connection"
    return (
        f"{type(error).__name__}: {error.strerror}"
        if isinstance(error, OSError) and error.strerror
        else type(error).__name__
    )


def _alive(smtp: smtplib.SMTP) -> bool:
    try:
        return smtp.noop()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _refuse_clear_text(settings: EmailSettings) -> None:
    if settings.tls != "none":
        return
    if not is_loopback(settings.server):
        raise ConfigurationError(
            "BW3206",
            "mail would cross the network in clear text",
            where=f"SMTP_TLS=none with SMTP_SERVER={settings.server}",
            why="none is for a server on this machine, named localhost, 127.0.0.1 or ::1",
            fix="set SMTP_TLS to starttls (port 587) or implicit (port 465)",
        )
    if settings.username:
        raise ConfigurationError(
            "BW3206",
            "a password would be sent in clear text",
            where="SMTP_TLS=none with SMTP_USERNAME",
            fix="set SMTP_TLS to starttls or implicit, or leave SMTP_USERNAME empty",
        )


def _tls_context(settings: EmailSettings, root: Path) -> ssl.SSLContext:
    """Always explicit: without one, smtplib's STARTTLS accepts any certificate."""
    if not settings.ca_file:
        return ssl.create_default_context()
    path = root / settings.ca_file
    try:
        return ssl.create_default_context(cafile=str(path))
    except OSError as error:  # ssl.SSLError, for a file that is no PEM, is one too
        raise ConfigurationError(
            "BW3206",
            "the file of trusted authorities cannot be used",
            where=f"SMTP_CA_FILE={path}",
            why=f"{type(error).__name__}: {error.strerror or 'no certificate in it'}",
            fix="point SMTP_CA_FILE at a PEM file, or leave it empty to use those of the system",
        ) from None
