"""Arguments that were given, out of those that could have been."""

from __future__ import annotations

from typing import Any

__all__ = ["given"]


def given(**arguments: Any) -> dict[str, Any]:
    """``arguments`` without those that are ``...``: a shim hands on what its caller gave, and no default of its own."""
    return {name: value for name, value in arguments.items() if value is not ...}
