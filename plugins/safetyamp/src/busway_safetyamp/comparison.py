"""When two values of a field are the same, however each side writes them: normalisers of managed fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from busway_safetyamp.normalise import collapse_blanks

__all__ = ["ZipCode", "either"]

_SHORT_ZIP = 5


def either(normaliser: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``normaliser``, or the text as it is where that gives nothing: an unusable value still differs from none."""
    return lambda value: normaliser(value) or collapse_blanks(value)


@dataclass(frozen=True, slots=True, eq=False)
class ZipCode:
    """Of five and nine digits the first five count when one side has no more."""

    text: str

    @classmethod
    def of(cls, value: Any) -> ZipCode:
        """A zip code of either side; text that is none is compared as it is."""
        return cls(collapse_blanks(value))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ZipCode):
            return NotImplemented
        if _SHORT_ZIP in (len(self.text), len(other.text)):
            return self.text[:_SHORT_ZIP] == other.text[:_SHORT_ZIP]
        return self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text[:_SHORT_ZIP])
