"""Remote systems and calls to them, as errors speak of them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Call", "Service"]


@dataclass(frozen=True, slots=True)
class Service:
    """One remote system."""

    name: str
    """What people call it: ``SafetyAmp``."""
    address: str
    """Scheme, host and port, without a slash at the end."""
    address_setting: str
    """The setting the address is in."""
    key_code: str
    """The code of a refused key or sign-in."""
    key_refused: str
    """What is told then."""
    key_fix: str
    """And what to do."""
    quota_fix: str
    """What to do when it takes no more calls for now."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    service: Service
    path: str
    """Without a query: a cursor or a filter in it may hold what an error must not show."""
    repeatable: bool = False
    """A POST that makes no record."""

    @property
    def where(self) -> str:
        """``POST https://api.safetyamp.com/api/users``"""
        return f"{self.method} {self.service.address}{self.path}"

    @property
    def creates(self) -> bool:
        """A second one would make a second record."""
        return self.method == "POST" and not self.repeatable
