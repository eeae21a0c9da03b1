"""Warnings about the dates of secrets."""

from __future__ import annotations

from collections.abc import Iterator

from busway.configuration.secret_warnings import validity_warning
from busway.configuration.state import ConfigState
from busway.errors import Problem

__all__ = ["secret_date_warnings"]


def secret_date_warnings(state: ConfigState) -> Iterator[Problem]:
    """Secrets that were read and are expired, about to expire or not yet valid (BW1216). Nothing is asked for here."""
    now_ns = state.resolver.wall_clock_ns()
    for name in state.resolver.remembered_names():
        known = state.resolver.remembered(name)
        if known is None:
            continue
        found = known.found
        problem = validity_warning(
            name,
            f"{found.layer}: {found.place}",
            now_ns,
            expires_at_ns=found.expires_at_ns,
            not_before_ns=found.not_before_ns,
        )
        if problem is not None:
            yield problem
