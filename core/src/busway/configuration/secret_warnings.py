"""What is odd about secrets that were read: it works today, and will surprise somebody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from busway.configuration.declarations import Declaration
from busway.configuration.layers import Found
from busway.configuration.state import ConfigState
from busway.errors import Problem

__all__ = ["MASKABLE", "SOON_DAYS", "secret_warnings", "validity_warning", "value_warnings"]

MASKABLE = 8
"""Shorter secrets cannot be masked in texts: they would blot out innocent words and give themselves away by that."""
SOON_DAYS = 14
"""So long before it expires a secret is reported: time enough to have a new one made."""
_DAY_NS = 86_400 * 10**9


def secret_warnings(state: ConfigState) -> Iterator[Problem]:
    """The warnings of :func:`value_warnings` for every secret read so far. Nothing is asked for here."""
    for declaration in state.catalog:
        remembered = state.resolver.remembered(declaration.name) if declaration.is_secret else None
        if remembered is not None:
            yield from value_warnings(declaration, remembered.found)


def value_warnings(declaration: Declaration, found: Found) -> Iterator[Problem]:
    """Too short to be masked (BW1215), blanks around the value (BW1217)."""
    if not isinstance(found.value, str):
        return
    where = f"{found.layer}: {found.place}"
    if len(found.value) < MASKABLE:
        yield Problem(
            "BW1215",
            f"secret {declaration.name} is too short to be masked",
            where,
            f"it has fewer than {MASKABLE} characters; where it stands in a log or an error it stays readable",
            "have its issuer make a longer one",
        )
    if found.value != found.value.strip():
        yield Problem(
            "BW1217",
            f"secret {declaration.name} begins or ends with blanks or a line break",
            where,
            "it is used as it stands; most often they came along when it was copied",
            "store it again without them, unless they belong to it",
        )


def validity_warning(
    name: str, where: str, now_ns: int, *, expires_at_ns: int | None = None, not_before_ns: int | None = None
) -> Problem | None:
    """BW1216 for a secret that has expired, expires within 14 days, or is not valid yet. Times are since the epoch."""
    if expires_at_ns is not None and expires_at_ns <= now_ns:
        what, why = f"secret {name} has expired", f"its source says it was valid until {_date(expires_at_ns)}"
    elif expires_at_ns is not None and expires_at_ns - now_ns <= SOON_DAYS * _DAY_NS:
        days = (expires_at_ns - now_ns) // _DAY_NS
        what = f"secret {name} expires {'within a day' if days < 1 else f'in {days + 1} days'}"
        why = f"its source says it is valid until {_date(expires_at_ns)}"
    elif not_before_ns is not None and not_before_ns > now_ns:
        what, why = f"secret {name} is not valid yet", f"its source says it is valid from {_date(not_before_ns)}"
    else:
        return None
    fix = "have its issuer make a new one and store it under the same name: it is followed without a restart"
    return Problem("BW1216", what, where, why, fix)


def _date(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns / 1e9, tz=UTC):%Y-%m-%d %H:%M} UTC"
