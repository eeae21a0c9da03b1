"""One line of ``busway doctor``."""

from __future__ import annotations

from typing import Literal

__all__ = ["Finding"]

Finding = tuple[str, Literal["ok", "warning", "failed"], str, str]
"""Check, status, detail, fix."""
