"""What the account accepts as a phone number, a date, an address of mail and so on."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from busway_safetyamp.sandbox.rejection import attribute

__all__ = ["USER_FORMATS", "Format", "is_date", "is_email", "is_flag", "is_phone"]

Format = tuple[Callable[[Any], bool], str]
"""A check of one value, and the message when it fails."""

_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}", re.ASCII)
_PHONE = re.compile(r"\+(1[2-9]\d{2}[2-9]\d{6}|[2-9]\d{6,14})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ZONE = re.compile(r"UTC|[A-Za-z_]+(/[A-Za-z0-9_+-]+)+", re.ASCII)


def is_email(value: Any) -> bool:
    """``local@domain.tld`` without two dots in a row."""
    return isinstance(value, str) and ".." not in value and _EMAIL.fullmatch(value) is not None


def is_phone(value: Any) -> bool:
    """E.164; numbers of +1 must also be well-formed North American ones."""
    return isinstance(value, str) and _PHONE.fullmatch(value) is not None


def is_date(value: Any) -> bool:
    """``YYYY-mm-dd`` and a day that exists."""
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_flag(value: Any) -> bool:
    """True, false, 1 or 0, the latter also as text."""
    return isinstance(value, bool | int | str) and value in (0, 1, "0", "1")


def _is_gender(value: Any) -> bool:
    return not isinstance(value, bool) and value in (0, 1, "0", "1")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_zone(value: Any) -> bool:
    # By shape: a container without the time-zone database would otherwise refuse every zone.
    return isinstance(value, str) and _ZONE.fullmatch(value) is not None


_TEXTS = (
    "emp_id",
    "first_name",
    "middle_name",
    "last_name",
    "nickname",
    "street",
    "street2",
    "city",
    "state",
    "zip_code",
    "country",
    "extension",
)
_DATES = ("date_of_birth", "current_hire_date", "rehire_date")
_PHONES = ("mobile_phone", "work_phone", "home_phone")
_FLAGS = ("system_access", "text_opt_out", "bypass_sso")

USER_FORMATS: dict[str, Format] = {
    **{field: (_is_text, f"The {attribute(field)} must be a string.") for field in _TEXTS},
    "email": (is_email, "The email must be a valid email address."),
    "gender": (_is_gender, "The selected gender is invalid."),
    **{field: (is_date, f"The {attribute(field)} does not match the format Y-m-d.") for field in _DATES},
    # The remote answers with the untranslated key of its message; so do we.
    **dict.fromkeys(_PHONES, (is_phone, "validation.phone")),
    **{field: (is_flag, f"The {attribute(field)} field must be true or false.") for field in _FLAGS},
    "timezone": (_is_zone, "The timezone must be a valid zone."),
}
"""Every checked field of a user; a null value is never checked."""
