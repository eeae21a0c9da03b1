"""The URL that is posted to, checked before use and never repeated in an error."""

from __future__ import annotations

import httpx

from busway.errors import ConfigurationError
from busway_sink_webhook.guard import AddressGuard

__all__ = ["target_of"]


def target_of(text: str, guard: AddressGuard) -> httpx.URL:
    """``text`` as a URL. Raises ``ConfigurationError`` BW3205 when events may not or cannot be posted there."""
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, ValueError):
        raise _unusable("it is not a URL") from None
    if not url.host:
        raise _unusable("it names no host")
    if url.scheme == "http" and not guard.names(url.host):
        raise _unusable("it is not https, and its host is not in WEBHOOK_ALLOW_NETWORKS")
    if url.scheme not in ("http", "https"):
        raise _unusable("it does not start with https://")
    if url.userinfo:
        raise _unusable("it holds a user name or password, which webhooks do not use")
    return url.copy_with(fragment=None)


def _unusable(why: str) -> ConfigurationError:
    return ConfigurationError(
        "BW3205",
        "the webhook's settings cannot be used",
        where="WEBHOOK_URL",
        why=why,
        fix="set WEBHOOK_URL to the https address the receiver gave you: busway config explain WEBHOOK_URL",
    )
