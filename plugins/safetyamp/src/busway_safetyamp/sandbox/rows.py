"""The rows of a Vista, as they lie in its tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Row", "VistaRows"]

Row = dict[str, Any]
"""One row: column name of Vista to value; dates are ``datetime``, absent values None."""


@dataclass(slots=True)
class VistaRows:
    """What the five tables hold that the jobs read."""

    employees: list[Row] = field(default_factory=list)
    """``bPREH``"""
    departments: list[Row] = field(default_factory=list)
    """``bPRDP``"""
    jobs: list[Row] = field(default_factory=list)
    """``bJCJM``"""
    contracts: list[Row] = field(default_factory=list)
    """``bJCCM``"""
    recent_jobs: list[Row] = field(default_factory=list)
    """``bPRJC``"""
