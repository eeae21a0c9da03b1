"""The directory by employee number: which address, and which phones, belong to an employee."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from busway.contracts.records import Record
from busway_safetyamp.normalise import collapse_blanks

__all__ = ["Directory", "DirectoryUser", "employee_number"]

_NO_MAILBOX = "onmicrosoft"
"""In addresses of accounts that have none of the company's own."""


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    """One account of the directory."""

    id: str
    email: str
    mobile_phone: str | None = None
    work_phone: str | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """The accounts that are one employee's and have an address."""

    users: Mapping[str, DirectoryUser]
    """By employee number."""
    ambiguous: tuple[str, ...] = ()
    """Employee numbers of several enabled accounts: none of those is used."""
    without_address: int = 0
    """Accounts with an employee number and no address of the company's."""

    @classmethod
    def of(cls, users: Iterable[Record], *, upn_fallback: bool, ignore_leading_zeros: bool) -> Directory:
        """Sorts the users of :meth:`busway_safetyamp.graph.client.GraphClient.users`.

        :param upn_fallback: the user principal name is the address of a user without ``mail``.
        :param ignore_leading_zeros: ``00123`` is employee 123.
        """
        found: dict[str, list[DirectoryUser]] = {}
        without_address = 0
        for user in users:
            number = employee_number(user.get("employeeId"), ignore_leading_zeros=ignore_leading_zeros)
            if not number:
                continue
            address = _address(user, upn_fallback=upn_fallback)
            without_address += not address
            found.setdefault(number, []).append(_directory_user(user, address))
        single = {number: many[0] for number, many in found.items() if len(many) == 1 and many[0].email}
        return cls(single, tuple(sorted(number for number, many in found.items() if len(many) > 1)), without_address)


def employee_number(value: Any, *, ignore_leading_zeros: bool) -> str:
    """An employee number as it is compared: without blanks at its ends, and without zeros in front where asked."""
    text = collapse_blanks(value)
    return (text.lstrip("0") or text[:1]) if ignore_leading_zeros else text


def _address(user: Record, *, upn_fallback: bool) -> str:
    names = ("mail", "userPrincipalName") if upn_fallback else ("mail",)
    given = (collapse_blanks(user.get(name)) for name in names)
    return next((one for one in given if one and _NO_MAILBOX not in one.lower()), "")


def _directory_user(user: Record, address: str) -> DirectoryUser:
    phones = user.get("businessPhones")
    work = phones[0] if isinstance(phones, list) and phones else None
    return DirectoryUser(str(user["id"]), address, user.get("mobilePhone"), work)
