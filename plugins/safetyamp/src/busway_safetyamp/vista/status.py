"""``JobStatus`` of Vista's jobs."""

from __future__ import annotations

__all__ = ["CLOSED", "OPEN"]

OPEN = 1
"""An open job; 0 is pending."""
CLOSED = (2, 3)
"""Soft-closed and hard-closed."""
