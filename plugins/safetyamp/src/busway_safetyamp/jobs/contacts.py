"""How people are reached: the directory's address and phones where it has a say, else payroll's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from busway.contracts.records import Record
from busway_safetyamp.graph.enrichment import Enrichment
from busway_safetyamp.normalise import collapse_blanks

__all__ = ["Contacts"]


class Contacts:
    """E-mail addresses and phones of one run.

    :param users: gives the users of SafetyAmp; asked only when an address must stay as it is there.
    """

    def __init__(self, enrichment: Enrichment, users: Callable[[], Sequence[Record]]) -> None:
        self._enrichment = enrichment
        self._users = users
        self._emails: Mapping[str, Any] | None = None

    def of(self, row: Record) -> Record:
        """``email``, ``mobile_phone`` and ``work_phone`` of a row of ``PREH``."""
        number = row["Employee"]
        account = self._enrichment.user(number)
        phones = {"mobile_phone": row.get("MobilePhone"), "work_phone": row.get("WorkPhone")}
        if account is None:
            return {"email": self._kept(number) or row["Email"], **phones}
        given = {"mobile_phone": account.mobile_phone, "work_phone": account.work_phone}
        return {"email": account.email, **{name: given[name] or phone for name, phone in phones.items()}}

    def remarks(self, rows: Iterable[Record]) -> list[str]:
        """What a person should know about the addresses of ``rows``."""
        if self._enrichment.directory is None:
            return []
        numbers = [row["Employee"] for row in rows]
        without = sum(1 for one in numbers if self._enrichment.user(one) is None and not self._enrichment.keeps(one))
        return [f"people without an address in the directory, whose address is Vista's: {without:,}"] if without else []

    def _kept(self, number: Any) -> Any | None:
        """The address that the employee has in SafetyAmp, where the directory cannot say whether it is right."""
        if not self._enrichment.keeps(number):
            return None
        if self._emails is None:
            self._emails = {collapse_blanks(user.get("emp_id")): user.get("email") for user in self._users()}
        return self._emails.get(collapse_blanks(number))
