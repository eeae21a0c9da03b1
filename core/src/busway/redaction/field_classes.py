"""Classes of personal fields: what a deployment decides about as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FIELD_CLASSES", "SECRETS", "FieldClass", "Treatment"]

Treatment = Literal["mask", "hash", "show"]

SECRETS = "secrets"
"""The class of what is no personal field but a secret: always masked."""


@dataclass(frozen=True, slots=True)
class FieldClass:
    """One class under ``[redaction]``."""

    name: str
    covers: str
    may_hash: bool = False
    """Whether a keyed hash may stand for a value. Not where few values are possible: who once sees the key, or can
    have values hashed, goes through all of them."""


FIELD_CLASSES: dict[str, FieldClass] = {
    one.name: one
    for one in (
        FieldClass("names", "names of people", may_hash=True),
        FieldClass("emails", "e-mail addresses", may_hash=True),
        FieldClass("contacts", "emergency contacts", may_hash=True),
        FieldClass("phones", "phone and fax numbers"),
        FieldClass("addresses", "postal addresses"),
        FieldClass("birth_dates", "dates of birth"),
        FieldClass("ids", "social security, passport, licence and tax numbers"),
        FieldClass("bank", "accounts and payment cards"),
        FieldClass("demographics", "gender, ethnicity, religion, nationality, marital status"),
    )
}
