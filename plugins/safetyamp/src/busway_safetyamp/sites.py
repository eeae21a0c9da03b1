"""The code of a site, which accounts keep in one of two fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busway_safetyamp.normalise import collapse_blanks

__all__ = ["CODE_FIELDS", "code_of"]

CODE_FIELDS = ("ext_id", "external_code")


def code_of(site: Mapping[str, Any], field: str) -> str:
    """The code, with the dot that job codes end in; empty for a site without one.

    Accounts whose sites answer with the other field than ``field`` are read too.
    """
    return next((code for name in (field, *CODE_FIELDS) if (code := collapse_blanks(site.get(name)))), "")
