"""What is known of each secret: where it comes from, how old it is and how long it holds; never its value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from busway.configuration.declarations import Declaration
from busway.configuration.layers import Found, found_in
from busway.configuration.memory import Resolved
from busway.configuration.secret_warnings import MASKABLE
from busway.configuration.state import ConfigState
from busway.errors import BuswayError, Problem

__all__ = ["SecretState", "secret_states"]

UNDECLARED = ""
"""Owner of a secret that was read and that nobody declared."""

Standing = Literal["fresh", "expired", "stale", "unset", "unread"]


@dataclass(frozen=True, slots=True)
class SecretState:
    """One secret as this process knows it."""

    name: str
    owner: str
    """The distribution that declares it; empty for one that was only asked for by name."""
    is_set: bool
    """Whether a layer is known to have it. An unread one may be in a vault nobody asked."""
    source: str
    place: str
    version: str
    age_seconds: float | None
    """How long ago its source was read; ``None`` when it was not."""
    fresh_for_seconds: float | None
    """For how long it is used without asking again; ``None`` when it was not read."""
    state: Standing
    """``fresh``; ``expired``: it is read again at the next use; ``stale``: its source is unreachable, the value read
    before serves; ``unset``: no layer has it; ``unread``: nobody asked for it yet, or no source could answer."""
    reason: str = ""
    expires_at_ns: int | None = None
    """When its source says that it ends, nanoseconds since the epoch."""
    not_before_ns: int | None = None
    """When its source says that it begins, nanoseconds since the epoch."""
    maskable: bool = True
    """False for a value under 8 characters, which is not masked in logs and events."""


def secret_states(state: ConfigState, problems: Mapping[str, Problem] | None = None) -> list[SecretState]:
    """The declared secrets in their order, then those that were only asked for by name. No remote is asked here.

    :param problems: what reading all of them just before ran into, by name; ``None`` when that was not done.
    """
    declared = [declaration for declaration in state.catalog if declaration.is_secret]
    states = [_declared(state, declaration, problems) for declaration in declared]
    for name in sorted(state.resolver.remembered_names()):
        known = state.resolver.remembered(name)
        if known is not None and state.catalog.find(name) is None:
            states.append(_remembered(state, name, UNDECLARED, known))
    return states


def _declared(state: ConfigState, declaration: Declaration, problems: Mapping[str, Problem] | None) -> SecretState:
    known = state.resolver.remembered(declaration.name)
    if known is not None:
        return _remembered(state, declaration.name, declaration.owner, known)
    if problems is None:
        return _not_read(state, declaration)
    problem = problems.get(declaration.name)
    if problem is None or problem.code == "BW1201":
        return _without_value(declaration, "unset", "")
    return _without_value(declaration, "unread", f"{problem.code}: {problem.what}")


def _not_read(state: ConfigState, declaration: Declaration) -> SecretState:
    """What can be told without a remote: sources that are near say what they have, the first vault ends the search."""
    for layer, source in state.layers.sources_for(declaration):
        if not source.serves_settings:
            return _without_value(declaration, "unread", f"{layer} was not asked")
        try:
            value = source.fetch(declaration.name)
        except BuswayError as error:
            return _without_value(declaration, "unread", f"{error.code}: {error.problem.what}")
        if value is not None and value.value:
            return _with_value(declaration, found_in(layer, value))
    found = state.layers.in_file(declaration.name)
    return _without_value(declaration, "unset", "") if found is None else _with_value(declaration, found)


def _without_value(declaration: Declaration, standing: Standing, reason: str) -> SecretState:
    return SecretState(declaration.name, declaration.owner, False, "", "", "", None, None, standing, reason)


def _with_value(declaration: Declaration, found: Found) -> SecretState:
    return SecretState(
        declaration.name,
        declaration.owner,
        is_set=True,
        source=found.layer,
        place=found.place,
        version=found.version,
        age_seconds=None,
        fresh_for_seconds=None,
        state="unread",
        reason="nobody has read it yet",
        expires_at_ns=found.expires_at_ns,
        not_before_ns=found.not_before_ns,
        maskable=_is_maskable(found),
    )


def _remembered(state: ConfigState, name: str, owner: str, known: Resolved) -> SecretState:
    now, found = state.resolver.now(), known.found
    standing, reason = _standing(state, known)
    return SecretState(
        name,
        owner,
        is_set=True,
        source=found.layer,
        place=found.place,
        version=found.version,
        age_seconds=now - known.read_at,
        fresh_for_seconds=max(0.0, known.fresh_until - now),
        state=standing,
        reason=reason,
        expires_at_ns=found.expires_at_ns,
        not_before_ns=found.not_before_ns,
        maskable=_is_maskable(found),
    )


def _standing(state: ConfigState, known: Resolved) -> tuple[Standing, str]:
    expires_at_ns = known.found.expires_at_ns
    if known.trouble is not None:
        return "stale", f"{known.trouble.code}: {known.trouble.what}"
    if expires_at_ns is not None and expires_at_ns <= state.resolver.wall_clock_ns():
        return "expired", "its source says that its time is over; it is used all the same"
    if known.fresh_until <= state.resolver.now():
        return "expired", "its time in memory is over; it is read again at the next use"
    return "fresh", ""


def _is_maskable(found: Found) -> bool:
    return not isinstance(found.value, str) or len(found.value) >= MASKABLE
