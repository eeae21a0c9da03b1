"""Source values in the form SafetyAmp takes. Every function returns ``None`` for what it cannot use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from busway_safetyamp.vin import is_vin

__all__ = [
    "birth_date",
    "collapse_blanks",
    "country",
    "day",
    "email",
    "flag",
    "gender",
    "phone",
    "state",
    "vin",
    "year",
    "zip_code",
]

_EXTENSION = re.compile(r"\s*(?:x|ext\.?|#)\s*[0-9]*\s*$", re.IGNORECASE)
_NOT_DIGIT = re.compile(r"[^0-9]")
_NANP = re.compile(r"[2-9][0-9]{2}[2-9][0-9]{6}")
_EMAIL = re.compile(r"[a-z0-9_%+'-]+(?:\.[a-z0-9_%+'-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", re.ASCII)
_DAY = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_ZIP = re.compile(r"[0-9]{5}(?:-[0-9]{4})?")
_STATE = re.compile(r"[A-Z]{2}")
_GENDERS = {"m": 1, "male": 1, "f": 0, "female": 0}
_COUNTRY = re.compile(r"[A-Z]{2}")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_OLDEST = date(1900, 1, 1)
NORTH_AMERICA = "1"
MOST_DIGITS = 15
"""Of a telephone number (ITU-T E.164)."""


def collapse_blanks(value: Any) -> str:
    """Text without blanks at the ends and with single ones inside; ``""`` for ``None``."""
    return "" if value is None else " ".join(str(value).split())


def phone(value: Any, country_code: str = NORTH_AMERICA) -> str | None:
    """E.164. ``"(504) 555-0123"`` is ``"+15045550123"``. An extension is left out, not read as part of the number.

    :param country_code: calling code of numbers without one. With 1 they must have ten digits, and area code and
        exchange start with 2 to 9; elsewhere one zero in front is left out, and 00 begins a foreign number.
    """
    text = _EXTENSION.sub("", collapse_blanks(value))
    digits = _NOT_DIGIT.sub("", text)
    if text.startswith("+"):
        return f"+{digits}" if 2 <= len(digits) <= MOST_DIGITS and digits[0] != "0" else None
    return _north_american(digits) if country_code == NORTH_AMERICA else _national(digits, country_code)


def _north_american(digits: str) -> str | None:
    if len(digits) == 10:
        return f"+1{digits}" if _NANP.fullmatch(digits) else None
    if len(digits) == 11 and digits[0] == "1":
        return f"+{digits}" if _NANP.fullmatch(digits[1:]) else None
    return f"+{digits}" if 11 <= len(digits) <= MOST_DIGITS and digits[0] != "0" else None


def _national(digits: str, country_code: str) -> str | None:
    if digits.startswith("00"):
        digits = digits[2:]
    elif digits.startswith("0") or len(digits) < 11 or not digits.startswith(country_code):
        digits = country_code + digits.removeprefix("0")
    return f"+{digits}" if len(country_code) + 6 <= len(digits) <= MOST_DIGITS and digits[0] != "0" else None


def email(value: Any) -> str | None:
    """Lower case, without any blanks, ASCII, ``local@domain.tld``."""
    text = "".join(str(value or "").split()).lower()
    return text if len(text) <= 254 and _EMAIL.fullmatch(text) else None


def gender(value: Any, more: Mapping[str, int] | None = None) -> int | None:
    """1 for M or male, 0 for F or female; the target's own 0 and 1 stay. Nothing else is guessed at.

    :param more: further words in lower case, with the gender they mean.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value in (0, 1) else None
    words = {**_GENDERS, **(more or {})}
    return words.get(value.strip().lower()) if isinstance(value, str) else None


def day(value: Any) -> str | None:
    """``YYYY-MM-DD`` of a date, a datetime, or a text that starts with a day."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    match = _DAY.fullmatch(re.split(r"[\sT]", str(value or "").strip(), maxsplit=1)[0])
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        return None


def birth_date(value: Any, today: date) -> str | None:
    """As :func:`day`, but neither before 1900 nor in the future."""
    text = day(value)
    return text if text and _OLDEST.isoformat() <= text <= today.isoformat() else None


def zip_code(value: Any) -> str | None:
    """Five digits, or five and four; a dash with nothing after it is dropped."""
    text = collapse_blanks(value).removesuffix("-")
    return text if _ZIP.fullmatch(text) else None


def state(value: Any) -> str | None:
    """Two capital letters."""
    text = collapse_blanks(value).upper()
    return text if _STATE.fullmatch(text) else None


def country(value: Any) -> str | None:
    """Two capital letters (ISO 3166)."""
    text = collapse_blanks(value).upper()
    return text if _COUNTRY.fullmatch(text) else None


def vin(value: Any) -> str | None:
    """Seventeen letters and digits without I, O and Q. A check digit that is wrong does not make it none."""
    text = "".join(str(value or "").split()).upper()
    return text if is_vin(text) else None


def year(value: Any) -> str | None:
    """A year of a vehicle, four digits from 1900 to 2099."""
    text = collapse_blanks(value)
    return text if _YEAR.fullmatch(text) else None


def flag(value: Any) -> int | None:
    """0 or 1, which are written as numbers and read as true and false."""
    if isinstance(value, str):
        value = {"0": 0, "1": 1, "false": 0, "true": 1}.get(value.strip().lower())
    return int(value) if isinstance(value, int) and value in (0, 1) else None
