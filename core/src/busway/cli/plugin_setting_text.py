"""How the default of a setting is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from busway.configuration.declarations import Declaration

__all__ = ["default_text"]


def default_text(declaration: Declaration) -> str:
    """The default as it would be written in ``busway.toml``; empty when there is none, and never a secret."""
    if declaration.required or declaration.default is None:
        return ""
    if declaration.is_secret:
        return "set"
    try:
        return json.dumps(declaration.default, default=str, ensure_ascii=False)
    except (TypeError, ValueError):
        return str(declaration.default)
