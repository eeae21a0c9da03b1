"""Tokens: made here, known by their SHA-256 only."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from busway.errors import UsageError
from busway.operation.service_policy import Role, TokenPolicy

__all__ = ["new_token", "owner_of"]

PREFIX = "bws_"
"""So that scanners for secrets, and people, see what it is."""


def new_token(text: str) -> tuple[str, str]:
    """A token for ``NAME:ROLE``, and the lines of ``busway.toml`` that make it known.

    Raises ``UsageError`` BW8116 for text of another form.
    """
    name, _, role = text.partition(":")
    if not name or role.upper() not in Role.__members__:
        raise UsageError(
            "BW8116",
            f"{text!r} is not NAME:ROLE",
            where="--new-token",
            why=f"the role is one of {', '.join(one.name.lower() for one in Role)}",
            fix="busway serve --new-token alice:operator",
        )
    token = PREFIX + secrets.token_urlsafe(32)
    lines = f'[service.tokens."{name}"]\nrole = "{role.lower()}"\nsha256 = "{_digest(token)}"'
    return token, lines


def owner_of(token: str, known: Mapping[str, TokenPolicy]) -> tuple[str, Role] | None:
    """Whose token it is, and what it allows; ``None`` for one nobody has.

    Every known one is compared, each in the same time whatever it holds: how long the answer takes says nothing.
    """
    digest, found = _digest(token), None
    for name, policy in known.items():
        if hmac.compare_digest(digest, policy.sha256):
            found = name, policy.role
    return found


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
