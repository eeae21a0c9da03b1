"""A synthetic directory: the accounts of a company's people, as Microsoft Entra ID has them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from busway.contracts.records import Record
from busway_safetyamp.normalise import collapse_blanks, email
from busway_safetyamp.sandbox.rows import Row
from busway_safetyamp.sandbox.words import MAIL_DOMAIN

__all__ = ["directory_users"]

_NO_MAILBOX = "bluestem.onmicrosoft.com"


def directory_users(people: Iterable[Row]) -> list[Record]:
    """An account for each of ``people`` (rows of ``bPREH``), by their numbers; the same people, the same accounts.

    Who has no address in payroll has no account either. Some have the flaws of real ones: no mailbox, no employee id,
    one with zeros in front or blanks around it, a disabled account, and a second enabled account of the same person.
    """
    users: list[Record] = []
    taken: set[str] = set()
    for at, row in enumerate(row for row in people if row["Email"]):
        user = _user(len(users), row, taken)
        flaw = at % 40
        if flaw == 7:
            user["mail"] = None
        elif flaw == 17:
            user["mail"] = f"{user['mailNickname']}@{_NO_MAILBOX}"
        elif flaw == 23:
            user["employeeId"] = None
        elif flaw == 29:
            user["employeeId"] = f" {user['employeeId']} "
        elif flaw == 33:
            user["accountEnabled"] = False
        users.append(user)
        if flaw == 37:
            users.append({**_user(len(users), row, taken), "displayName": "Shared mailbox"})
    return users


def _user(at: int, row: Row, taken: set[str]) -> Record:
    given, family = collapse_blanks(row["FirstName"]), collapse_blanks(row["LastName"])
    address = email(row["Email"])
    if address is None or address in taken:
        # An address belongs to one account, whatever payroll says.
        address = f"e{row['Employee']}.{at}@{MAIL_DOMAIN}"
    taken.add(address)
    nickname = address.partition("@")[0]
    return {
        "id": str(UUID(int=0x5A_0000_0000_4000_8000_0000_0000_0000 + at)),
        "displayName": f"{given} {family}",
        "givenName": given,
        "surname": family,
        "mailNickname": nickname,
        "mail": address,
        "userPrincipalName": address,
        "employeeId": str(row["Employee"]),
        "accountEnabled": True,
        "mobilePhone": row["CellPhone"],
        "businessPhones": [row["Phone"]] if row["Phone"] else [],
    }
