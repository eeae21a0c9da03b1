"""Settings of the OpenTelemetry sink, under the names every OpenTelemetry exporter has."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from pydantic import field_validator

from busway.contracts.settings import Secret, Settings, setting

__all__ = ["OtelSettings", "headers_of"]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Of a header (RFC 9110, token)."""


class OtelSettings(Settings):
    """Where the receiver of OTLP is."""

    endpoint: str = setting(
        "http://localhost:4318",
        env="OTEL_EXPORTER_OTLP_ENDPOINT",
        doc="Base URL of a receiver of OTLP over HTTP; /v1/logs and /v1/traces are added.",
    )
    headers: Secret | None = setting(
        None,
        env="OTEL_EXPORTER_OTLP_HEADERS",
        doc="Headers for the receiver, name=value separated by commas, values percent-encoded; a secret, as they hold "
        "its key.",
    )
    timeout_seconds: float = setting(
        10.0, env="OTEL_TIMEOUT_SECONDS", doc="How long the receiver may take to answer, in seconds.", gt=0, le=25
    )
    service_name: str = setting(
        "", env="OTEL_SERVICE_NAME", doc="Name of the service; empty = the name of the deployment."
    )

    @field_validator("endpoint")
    @classmethod
    def _check_endpoint(cls, value: str) -> str:
        try:
            parts = urlsplit(value.strip())
            _ = parts.port
        except ValueError:
            raise ValueError("it is not a URL") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it is not an http or https URL such as http://localhost:4318")
        if parts.username or parts.password:
            raise ValueError("credentials belong into OTEL_EXPORTER_OTLP_HEADERS, which is a secret")
        return value.strip().rstrip("/")


def headers_of(text: str) -> dict[str, str]:
    """The headers of ``name=value,name=value``. Raises ``ValueError`` without showing any of it."""
    found: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not _NAME.fullmatch(name.strip()):
            raise ValueError("a header is not written name=value")
        text = unquote(value).strip()
        if not text.isascii() or not text.isprintable():
            raise ValueError("a value holds characters that no header can carry")
        found[name.strip().lower()] = text
    return found
