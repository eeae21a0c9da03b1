"""Vehicle identification numbers (ISO 3779, 49 CFR 565): seventeen letters and digits with a check digit."""

from __future__ import annotations

import re

__all__ = ["VIN_LENGTH", "check_digit", "has_check_digit", "is_vin", "with_check_digit"]

VIN_LENGTH = 17
_FORM = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_CHECK_PLACE = 8
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VALUES = {str(digit): digit for digit in range(10)} | dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)
)


def is_vin(text: str) -> bool:
    """Seventeen capital letters and digits without I, O and Q, which look like 1 and 0."""
    return _FORM.fullmatch(text) is not None


def check_digit(vin: str) -> str:
    """What the ninth place must be: ``0`` to ``9`` or ``X``. ``vin`` must be one by its form."""
    rest = sum(_VALUES[letter] * weight for letter, weight in zip(vin, _WEIGHTS, strict=True)) % 11
    return "X" if rest == 10 else str(rest)


def has_check_digit(vin: str) -> bool:
    """Whether the ninth place is what it must be. Only North American vehicles have one."""
    return vin[_CHECK_PLACE] == check_digit(vin)


def with_check_digit(vin: str) -> str:
    """``vin`` with its ninth place put right."""
    return vin[:_CHECK_PLACE] + check_digit(vin) + vin[_CHECK_PLACE + 1 :]
