"""Tokens for XOAUTH2: one that is given, or one fetched with the credentials of an application."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import urlsplit

from busway.contracts.clock import Clock
from busway.errors import BuswayError, ConfigurationError, RefusedError, UnreachableError
from busway_sink_email.settings import EmailSettings, is_loopback

__all__ = ["TokenSource", "refuse_unusable", "xoauth2"]

TIMEOUT_SECONDS = 5.0
EARLY_SECONDS = 60.0
"""A token that ends sooner is replaced: the server's clock is not ours."""
DEFAULT_SECONDS = 300.0
"""For a token whose end is not told."""
WHERE = "SMTP_OAUTH_TOKEN_URL"


class _Exchange(Protocol):
    def __call__(self, challenge: bytes | None = None, /) -> str: ...


def xoauth2(user: str, token: str) -> _Exchange:
    """What :meth:`smtplib.SMTP.auth` says: an empty answer to the challenge with which a server refuses."""

    def say(challenge: bytes | None = None, /) -> str:
        return "" if challenge else f"user={user}\x01auth=Bearer {token}\x01\x01"

    return say


class TokenSource:
    """Where tokens come from: ``SMTP_OAUTH_TOKEN``, read at each sign-in, or the client-credentials grant (RFC 6749).

    A fetched token is kept until shortly before it ends. Used by one thread.
    """

    def __init__(self, settings: EmailSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._kept = ""
        self._until = 0.0

    def token(self) -> str:
        """The token now.

        Raises ``UnreachableError`` BW3220 when its server does not answer, ``RefusedError`` BW3221 when it refuses.
        """
        if self._settings.oauth_token is not None:
            return self._settings.oauth_token.get_secret_value().strip()
        if not self._kept or self._clock.monotonic() >= self._until:
            self._kept, seconds = self._fetch()
            self._until = self._clock.monotonic() + max(0.0, seconds - EARLY_SECONDS)
        return self._kept

    def forget(self) -> None:
        """The mail server refused the token: the next sign-in fetches another."""
        self._kept = ""

    def _fetch(self) -> tuple[str, float]:
        try:
            import httpx
        except ImportError:
            raise ConfigurationError(
                "BW3206",
                "the mail settings cannot be used",
                where=WHERE,
                why="fetching tokens needs the package httpx",
                fix="pip install 'busway-sink-email[oauth]', or set SMTP_OAUTH_TOKEN to a token you fetch yourself",
            ) from None
        settings = self._settings
        secret = settings.oauth_client_secret.get_secret_value() if settings.oauth_client_secret else ""
        form = {
            "grant_type": "client_credentials",
            "client_id": settings.oauth_client_id,
            "client_secret": secret,
            "scope": settings.oauth_scope,
        }
        try:
            response = httpx.post(settings.oauth_token_url, data=form, timeout=TIMEOUT_SECONDS, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failed = type(error).__name__
        else:
            return _token_of(settings, response.status_code, _json(response))
        raise _away(settings, failed)  # outside of the handler: the error holds the request, and with it the secret


def _json(response: Any) -> dict[str, Any]:
    try:
        told = response.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _token_of(settings: EmailSettings, status: int, told: dict[str, Any]) -> tuple[str, float]:
    if status >= 500 or status in (408, 429):
        raise _away(settings, f"it answered {status}")
    token = told.get("access_token")
    if status != 200 or not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        # ``error`` is one of few words (RFC 6749 5.2); the description may repeat ids of the tenant.
        word = told.get("error")
        named = f" {word}" if isinstance(word, str) and word.isascii() and word.isidentifier() else ""
        raise RefusedError(
            "BW3221",
            "no token for the mail server",
            where=_host(settings),
            why=f"the token server answered {status}{named[:60]}",
            fix="check SMTP_OAUTH_CLIENT_ID, SMTP_OAUTH_CLIENT_SECRET and SMTP_OAUTH_SCOPE: busway explain BW3221",
            status=status,
        )
    seconds = told.get("expires_in")
    return token, float(seconds) if isinstance(seconds, int | float) and seconds > 0 else DEFAULT_SECONDS


def _away(settings: EmailSettings, why: str) -> BuswayError:
    return UnreachableError(
        "BW3220",
        "the token server for mail does not answer",
        where=_host(settings),
        why=why,
        fix="nothing is lost: it is tried again. Check SMTP_OAUTH_TOKEN_URL and the network: busway events flush",
    )


def _host(settings: EmailSettings) -> str:
    return f"{WHERE}, host {urlsplit(settings.oauth_token_url).hostname or '(none)'}"


def refuse_unusable(settings: EmailSettings) -> None:
    """Raises ``ConfigurationError`` BW3206 for a sign-in that is configured by halves."""
    wrong = ""
    if settings.oauth_token_url:
        if not _is_secure(settings.oauth_token_url):
            wrong = "SMTP_OAUTH_TOKEN_URL is not an https address"
        elif not settings.oauth_client_id or settings.oauth_client_secret is None:
            wrong = "SMTP_OAUTH_TOKEN_URL needs SMTP_OAUTH_CLIENT_ID and SMTP_OAUTH_CLIENT_SECRET"
    if settings.uses_oauth and not settings.username:
        wrong = "OAuth needs SMTP_USERNAME, the mailbox that sends"
    if wrong:
        raise ConfigurationError(
            "BW3206",
            "the mail settings cannot be used",
            where="SMTP_OAUTH_TOKEN" if settings.oauth_token is not None else WHERE,
            why=wrong,
            fix="busway explain BW3206",
        )


def _is_secure(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    return bool(parts.hostname) and (parts.scheme == "https" or local)
