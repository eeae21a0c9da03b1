"""When two values of a field are the same, however each side writes it."""

from __future__ import annotations

from typing import Any

from busway_safetyamp.normalise import collapse_blanks

__all__ = ["comparable", "same", "same_zip"]

_SHORT_ZIP = 5


def comparable(value: Any) -> Any:
    """``value`` in the form that is compared: nothing and blank text are ``None``, numbers are text, text is trimmed.

    Truth values are numbers, because SafetyAmp answers true where 1 was written.
    """
    if isinstance(value, bool):
        value = int(value)
    if value is None or isinstance(value, str | int | float):
        return collapse_blanks(value) or None
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values mean the same, as ``None`` and ``""``, ``7`` and ``"7"``, ``True`` and ``1`` do."""
    return bool(comparable(one) == comparable(other))


def same_zip(one: Any, other: Any) -> bool:
    """As :func:`same`, for zip codes: of five and nine digits the first five count when one side has no more."""
    left, right = comparable(one) or "", comparable(other) or ""
    if _SHORT_ZIP in (len(left), len(right)):
        return bool(left[:_SHORT_ZIP] == right[:_SHORT_ZIP])
    return bool(left == right)
