"""Settings of the webhook sink."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Literal

from pydantic import field_validator

from busway.contracts.events import Severity
from busway.contracts.settings import Secret, Settings, setting

__all__ = ["WebhookSettings"]

SeverityName = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?", re.IGNORECASE)


class WebhookSettings(Settings):
    """Where events are posted, and what proves that they come from us."""

    url: Secret = setting(
        env="WEBHOOK_URL", doc="Where events are posted, https. A secret: whoever has the URL of a chat hook can post."
    )
    secret: Secret | None = setting(
        None,
        env="WEBHOOK_SECRET",
        doc="Signs every request (Standard Webhooks): whsec_ and base64 of 24 to 64 bytes, or whsk_ and base64 of an "
        "ed25519 private key. During a rotation two, separated by a blank, the new one first.",
    )
    format: Literal["standard", "slack"] = setting(
        "standard",
        env="WEBHOOK_FORMAT",
        doc="What is posted: standard (JSON, Standard Webhooks) or slack (messages for people).",
    )
    timeout_seconds: float = setting(
        15.0, env="WEBHOOK_TIMEOUT_SECONDS", doc="How long one delivery may take, in seconds.", gt=0, le=25
    )
    allow_networks: tuple[str, ...] = setting(
        (),
        env="WEBHOOK_ALLOW_NETWORKS",
        doc="Private networks (10.1.0.0/16) and hosts that may be posted to, separated by commas. "
        "Public ones always may.",
    )
    ca_file: str = setting(
        "",
        env="WEBHOOK_CA_FILE",
        doc="PEM file with the authority that signed the receiver's certificate; empty = the public ones.",
    )
    min_severity: SeverityName = setting(
        "INFO", env="WEBHOOK_MIN_SEVERITY", doc="Events below it are not posted; digests always are."
    )

    @field_validator("allow_networks", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part for part in re.split(r"[,;\s]+", value) if part)
        return value

    @field_validator("allow_networks")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            _check_network_or_host(entry)
        return value

    @field_validator("min_severity", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.strip().upper() if isinstance(value, str) else value

    @property
    def threshold(self) -> Severity:
        """The lowest severity that is posted."""
        return Severity[self.min_severity]


def _check_network_or_host(entry: str) -> None:
    try:
        ipaddress.ip_network(entry)
    except ValueError:
        # Something numeric that is no network is a typing error, never a host name.
        if "/" in entry or ":" in entry or not re.search("[a-z]", entry, re.IGNORECASE) or not _HOST.fullmatch(entry):
            raise ValueError(f"{entry!r} is neither a network such as 10.1.0.0/16 nor a host name") from None
