"""The rules for a title."""

from __future__ import annotations

from busway.contracts.records import Record
from busway.contracts.validators import Validation
from busway_safetyamp.normalise import collapse_blanks

__all__ = ["TitleValidator"]


class TitleValidator:
    """A title has a name."""

    entity = "title"

    def validate(self, record: Record) -> Validation:
        """Collapses the blanks of ``name``, which must not be empty."""
        name = collapse_blanks(record.get("name"))
        return Validation({**record, "name": name}, errors=() if name else ("name: missing",))
