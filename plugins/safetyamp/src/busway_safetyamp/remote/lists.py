"""Lists in answers: records with ids, and all of them."""

from __future__ import annotations

from typing import Any

from busway.contracts.records import Record
from busway.errors import IncompleteReadError
from busway_safetyamp.remote.answers import shapeless
from busway_safetyamp.remote.service import Call

__all__ = ["incomplete", "rows_of"]


def rows_of(call: Call, data: Any) -> list[Record]:
    """``data`` as a list of records with ids. Raises ``RefusedError`` (BW5005)."""
    if not isinstance(data, list) or not all(isinstance(row, dict) and _is_id(row.get("id")) for row in data):
        raise shapeless(call, "its data is not a list of records with ids")
    return data


def _is_id(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def incomplete(call: Call, why: str) -> IncompleteReadError:
    """The error for a list of which something is missing."""
    return IncompleteReadError(
        "BW5104",
        f"{call.service.name} did not deliver the whole list",
        where=call.where,
        why=why,
        fix="nothing was decided on the part that came; run again, and see `busway explain BW5104` if it stays",
    )
