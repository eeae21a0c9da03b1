"""Secret sources: places that know values by name (environment, ``.env``, a vault)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from busway.errors import BuswayError

__all__ = ["SecretSource", "SecretValue"]


@dataclass(frozen=True, slots=True)
class SecretValue:
    """What a source holds under one name."""

    value: str = field(repr=False)
    where: str = ""
    """The place for people: ``.env:7``, ``https://acme.vault.azure.net SAFETYAMP-TOKEN``; never the value."""
    version: str = ""
    expires_at_ns: int | None = None
    """When the value stops being valid, nanoseconds since the epoch; ``None`` = never or unknown."""
    not_before_ns: int | None = None
    """When the value starts being valid, nanoseconds since the epoch; ``None`` = it is, or unknown."""


@runtime_checkable
class SecretSource(Protocol):
    """One source in its place in the order.

    The core asks sources lazily and in the configured order, memoises what they answer and stops at the first
    that has the name. Names are the environment names of settings; a source maps them to its own rules.
    """

    serves_settings: bool
    """True for a source that also supplies ordinary settings (env, dotenv); a vault supplies only vaulted ones."""

    def fetch(self, name: str) -> SecretValue | None:
        """The value now, or ``None`` when this source does not have the name.

        Raises ``UnreachableError`` (the source did not answer), ``RefusedError`` (it refused) or
        ``ConfigurationError`` (the name or the source's own settings are unusable). A source that did not answer, or
        does not know who asks (status 401), is left alone for 30 s, or for the seconds in the error's attribute
        ``hold_seconds`` (0 to 900) where it has one.
        """
        ...

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        """Those of ``names`` that this source has; in parallel where that is faster.

        A name that ``fetch`` would raise for maps to that error, so that one refused name spoils no other answer.
        Raises ``UnreachableError`` when the whole source does not answer.
        """
        ...

    def names(self) -> Iterable[str]:
        """Every name it has, for finding misspelt ones; empty when listing is not possible or not allowed."""
        ...

    def locate(self, name: str) -> str:
        """Where the name would be looked up, for people: ``environment variable SMTP_PASSWORD``."""
        ...

    def close(self) -> None:
        """Gives connections back. Called once; may be called when nothing was ever fetched."""
        ...
