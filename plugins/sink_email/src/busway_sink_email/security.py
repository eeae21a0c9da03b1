"""What has to hold before anything is said to a mail server."""

from __future__ import annotations

import ssl
from pathlib import Path

from busway.errors import ConfigurationError
from busway_sink_email.settings import EmailSettings, is_loopback

__all__ = ["refuse_clear_text", "refuse_other_letters", "tls_context"]


def refuse_clear_text(settings: EmailSettings) -> None:
    """Raises ``ConfigurationError`` BW3206 when mail or a password would cross the network unencrypted."""
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


def refuse_other_letters(user: str, proof: str) -> None:
    """Raises ``ConfigurationError`` BW3206 for a login that ``smtplib`` cannot send: its own error holds all of it."""
    if not (user + proof).isascii():
        raise ConfigurationError(
            "BW3206",
            "the mail settings cannot be used",
            where="SMTP_USERNAME with SMTP_PASSWORD or SMTP_OAUTH_TOKEN",
            why="they hold letters other than ASCII, which this login cannot carry",
            fix="set a password of letters, digits and signs of ASCII: busway config explain SMTP_PASSWORD",
        )


def tls_context(settings: EmailSettings, root: Path) -> ssl.SSLContext:
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
