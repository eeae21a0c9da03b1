"""Match keys: how a source record and a target record are known to be the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MatchKey", "casefolded", "exact"]


@dataclass(frozen=True, slots=True)
class MatchKey:
    """The fields that identify a record, and how their values are brought to one form."""

    fields: tuple[str, ...]
    normalise: Callable[[str], str] = str.strip

    def of(self, record: Mapping[str, Any]) -> str | None:
        """The key of ``record`` as text, or ``None`` when a part of it is empty."""
        parts = [self._part(record.get(name)) for name in self.fields]
        return None if "" in parts else "\x1f".join(parts)

    def _part(self, value: Any) -> str:
        return "" if value is None else self.normalise(str(value))


def exact(*fields: str) -> MatchKey:
    """Equal as text, blanks at the ends aside."""
    return MatchKey(fields)


def casefolded(*fields: str) -> MatchKey:
    """Equal whatever the case, with inner blanks collapsed."""
    return MatchKey(fields, _casefold)


def _casefold(text: str) -> str:
    return " ".join(text.split()).casefold()
