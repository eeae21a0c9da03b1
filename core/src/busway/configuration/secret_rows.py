"""What is known about each declared secret after it was asked for: enough to mend it, nothing of its value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busway.configuration.declarations import Declaration
from busway.configuration.layers import Found, Outcome
from busway.configuration.secret_warnings import validity_warning, value_warnings
from busway.configuration.state import ConfigState
from busway.configuration.values import length_class
from busway.errors import BuswayError, ConfigurationError, Problem

__all__ = ["secret_rows"]


def secret_rows(state: ConfigState, outcomes: Mapping[str, Outcome]) -> list[dict[str, Any]]:
    """A row for each secret, ready for JSON, in the order of declaration. ``outcomes`` are by name."""
    return [_row(state, one, outcomes.get(one.name)) for one in state.catalog if one.is_secret]


def _row(state: ConfigState, declaration: Declaration, outcome: Outcome) -> dict[str, Any]:
    found = outcome if isinstance(outcome, Found) else None
    problems = _problems(state, declaration, outcome)
    warnings = _warnings(state, declaration, found) if found is not None else []
    exit_code = _exit_code(outcome) if problems else 0
    if declaration.model in state.optional:
        # The plugin is not used while this is so, and nothing else suffers.
        problems, warnings, exit_code = [], [*problems, *warnings], 0
    return {
        "name": declaration.name,
        "owner": declaration.owner,
        "required": declaration.required,
        "set": found is not None,
        "source": found.layer if found is not None else None,
        "place": found.place if found is not None else "",
        "version": found.version if found is not None else "",
        "length": length_class(found.value) if found is not None and isinstance(found.value, str) else "",
        "expires_at_ns": found.expires_at_ns if found is not None else None,
        "not_before_ns": found.not_before_ns if found is not None else None,
        "verdict": "problem" if problems else "warning" if warnings else "ok" if found is not None else "unset",
        "exit_code": exit_code,
        "problems": [problem.as_dict() for problem in problems],
        "warnings": [problem.as_dict() for problem in warnings],
    }


def _warnings(state: ConfigState, declaration: Declaration, found: Found) -> list[Problem]:
    late = validity_warning(
        declaration.name,
        f"{found.layer}: {found.place}",
        state.resolver.wall_clock_ns(),
        expires_at_ns=found.expires_at_ns,
        not_before_ns=found.not_before_ns,
    )
    return [*value_warnings(declaration, found), *([late] if late is not None else [])]


def _problems(state: ConfigState, declaration: Declaration, outcome: Outcome) -> list[Problem]:
    complaints = state.sections.complaints
    if isinstance(outcome, BuswayError):
        return list(outcome.problems)
    if outcome is None:
        return [complaints.missing(declaration)] if declaration.required else []
    if not isinstance(outcome.value, str):
        return [complaints.invalid(declaration, outcome.layer, outcome.place, "a secret is text")]
    return []


def _exit_code(outcome: Outcome) -> int:
    lowest = ConfigurationError.exit_code
    return max(lowest, outcome.exit_code) if isinstance(outcome, BuswayError) else lowest
