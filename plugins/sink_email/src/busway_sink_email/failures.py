"""What goes wrong on the way to a mail server, with a code. Texts of the server stay out: they repeat addresses."""

from __future__ import annotations

import re
import smtplib
import ssl

from busway.errors import BuswayError, RefusedError, UnreachableError

__all__ = ["Failures", "reason_of"]

CHECK_LOGIN = "check SMTP_USERNAME and SMTP_PASSWORD, or the SMTP_OAUTH_ settings: busway explain BW3202"


class Failures:
    """The errors of one mail server; ``where`` names it."""

    def __init__(self, where: str) -> None:
        self._where = where

    def of(self, error: Exception, *, late: bool = False) -> BuswayError:
        """The coded form of what ``smtplib`` raised; ``late``: because the time was over."""
        if late:
            return self.unreachable("it took too long")
        if isinstance(error, ssl.SSLCertVerificationError):
            return self._refused(
                f"its certificate is not trusted: {error.verify_message}",
                "if your own authority signed it, set SMTP_CA_FILE to that authority's PEM file",
            )
        if isinstance(error, smtplib.SMTPNotSupportedError) and "SMTPUTF8" in str(error):
            return self._refused(
                "it does not take addresses with letters beyond ASCII before the @ (SMTPUTF8)",
                "use other addresses in ALERT_EMAIL_FROM and ALERT_EMAIL_TO",
            )
        if isinstance(error, (ssl.SSLError, smtplib.SMTPNotSupportedError)):
            return self._refused(
                "it does not offer the security or login that is configured",
                "check SMTP_TLS and SMTP_PORT: starttls on 587, implicit on 465",
            )
        if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
            return self._refused(f"the login failed ({reason_of(error.smtp_code, error.smtp_error)})", CHECK_LOGIN)
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
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        reasons = sorted({reason_of(code, answer) for code, answer in error.recipients.values()})
        return f"it answered {', '.join(reasons)}"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "it closed the connection"
    if isinstance(error, UnicodeError):
        return "SMTP_SERVER is no host name"
    name = type(error).__name__
    return f"{name}: {error.strerror}" if isinstance(error, OSError) and error.strerror else name
