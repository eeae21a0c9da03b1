"""Settings of the email sink, and what makes an address usable."""

from __future__ import annotations

import ipaddress
import re
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Any, Literal

from pydantic import field_validator

from busway.contracts.events import Severity
from busway.contracts.settings import Secret, Settings, setting

__all__ = ["EmailSettings", "is_loopback", "parse_address"]

_USER = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*")
"""What stands before the @ (RFC 6531), without quoting."""
SeverityName = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class EmailSettings(Settings):
    """Which server sends the mail, from whom, to whom, and from which severity on."""

    server: str = setting(env="SMTP_SERVER", doc="Host name of the mail server that accepts our mail.", min_length=1)
    port: int = setting(587, env="SMTP_PORT", doc="Its port: 587 for starttls, 465 for implicit.", ge=1, le=65535)
    tls: Literal["starttls", "implicit", "none"] = setting(
        "starttls",
        env="SMTP_TLS",
        doc="How the connection is secured: starttls, implicit, or none (a server on loopback only).",
    )
    username: str = setting("", env="SMTP_USERNAME", doc="Account to log in with; empty = no login.", vaulted=True)
    password: Secret | None = setting(None, env="SMTP_PASSWORD", doc="Password of that account.")
    oauth_token: Secret | None = setting(
        None, env="SMTP_OAUTH_TOKEN", doc="Access token for XOAUTH2 instead of a password; read at each sign-in."
    )
    oauth_token_url: str = setting(
        "",
        env="SMTP_OAUTH_TOKEN_URL",
        doc="Where tokens for XOAUTH2 are fetched (client credentials), https; needs busway-sink-email[oauth].",
    )
    oauth_client_id: str = setting(
        "", env="SMTP_OAUTH_CLIENT_ID", doc="The application that fetches tokens.", vaulted=True
    )
    oauth_client_secret: Secret | None = setting(
        None, env="SMTP_OAUTH_CLIENT_SECRET", doc="Its secret at the token server."
    )
    oauth_scope: str = setting(
        "https://outlook.office365.com/.default",
        env="SMTP_OAUTH_SCOPE",
        doc="What tokens are asked for; the default is that of Microsoft 365.",
    )
    timeout_seconds: float = setting(
        20.0, env="SMTP_TIMEOUT_SECONDS", doc="How long one delivery may take, in seconds.", gt=0, le=25
    )
    ca_file: str = setting(
        "",
        env="SMTP_CA_FILE",
        doc="PEM file with the authority that signed the server's certificate; empty = those of the system.",
    )
    sender: str = setting(
        env="ALERT_EMAIL_FROM", doc="Address the mail comes from, such as alerts@example.com.", vaulted=True
    )
    recipients: tuple[str, ...] = setting(
        env="ALERT_EMAIL_TO", doc="Addresses it goes to, separated by commas.", vaulted=True, min_length=1
    )
    min_severity: SeverityName = setting(
        "ERROR", env="EMAIL_MIN_SEVERITY", doc="Events below it are not mailed; digests always are."
    )

    @field_validator("recipients", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in re.split(r"[,;]", value) if part.strip())
        return value

    @field_validator("recipients")
    @classmethod
    def _check_recipients(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            parse_address(address)
        return tuple(dict.fromkeys(value))

    @field_validator("sender")
    @classmethod
    def _check_sender(cls, value: str) -> str:
        parse_address(value)
        return value

    @field_validator("min_severity", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.strip().upper() if isinstance(value, str) else value

    @property
    def uses_oauth(self) -> bool:
        """Whether we sign in with a token."""
        return self.oauth_token is not None or bool(self.oauth_token_url)

    @property
    def threshold(self) -> Severity:
        """The lowest severity that is mailed."""
        return Severity[self.min_severity]


def parse_address(text: str) -> Address:
    """``text`` (``a@b.c`` or ``Name <a@b.c>``) as an address that cannot smuggle header lines.

    Raises ``ValueError`` without quoting ``text``: an address is personal data.
    """
    # parseaddr would quietly drop what follows a line break, and with it the attempt.
    if any(not character.isprintable() for character in text):
        raise ValueError("a mail address has no control characters")
    name, spec = parseaddr(text)
    try:
        address = _address(name, spec)
    except (HeaderParseError, ValueError, IndexError):
        raise ValueError("this is not a mail address such as alerts@example.com") from None
    # parseaddr takes the first of several addresses without a word, and closes gaps in one.
    if not address.username or not address.domain or "," in text or spec not in text:
        raise ValueError("this is not a mail address such as alerts@example.com")
    return address


def _address(name: str, spec: str) -> Address:
    """Every server takes the encoded form of a domain; only what stands before the @ may need SMTPUTF8."""
    user, at, domain = spec.rpartition("@")
    domain = domain if domain.isascii() else domain.encode("idna").decode()
    if user.isascii():
        return Address(display_name=name, addr_spec=f"{user}{at}{domain}")
    if not _USER.fullmatch(user):
        raise ValueError("no address")
    Address(addr_spec=f"user{at}{domain}")  # raises for a domain that is none; other letters it does not know
    return Address(display_name=name, username=user, domain=domain)


def is_loopback(host: str) -> bool:
    """True for ``localhost`` and loopback addresses: a name that only resolves to one could be changed by DNS."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
