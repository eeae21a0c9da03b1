"""What the directory decides about people, and what happens when it does not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from busway.errors import RefusedError, UnreachableError
from busway_safetyamp.graph.directory import Directory, DirectoryUser, employee_number

__all__ = ["Enrichment", "Policy"]

Policy = Literal["required", "optional", "off"]

_SHOWN_NUMBERS = 5


@dataclass(frozen=True, slots=True)
class Enrichment:
    """E-mail addresses of employees for one run."""

    directory: Directory | None
    """``None`` when it is off, or did not answer."""
    frozen: bool = False
    """The directory did not answer: addresses of people who have one in SafetyAmp must stay as they are."""
    ignore_leading_zeros: bool = False

    @classmethod
    def read(
        cls,
        policy: Policy,
        load: Callable[[], Directory],
        note: Callable[[str], None],
        *,
        ignore_leading_zeros: bool = False,
    ) -> Enrichment:
        """Asks the directory as ``policy`` says: ``SAFETYAMP_ENRICHMENT``.

        ``required`` raises what ``load`` raises. ``optional`` notes it and freezes addresses: taking Vista's instead
        in silence would change the address of everybody, and change it back the next day. A wrong setting
        (``ConfigurationError``) is raised in both: it does not pass.

        :param note: receives one sentence for each thing a person should know.
        """
        if policy == "off":
            return cls(None)
        try:
            directory = load()
        except (UnreachableError, RefusedError) as error:
            if policy == "required":
                raise
            note(f"the directory is not used in this run, and e-mail addresses stay as they are ({error.code})")
            return cls(None, frozen=True)
        for sentence in _remarks(directory):
            note(sentence)
        return cls(directory, ignore_leading_zeros=ignore_leading_zeros)

    def user(self, number: Any) -> DirectoryUser | None:
        """The account of the employee with this number."""
        if self.directory is None:
            return None
        return self.directory.users.get(employee_number(number, ignore_leading_zeros=self.ignore_leading_zeros))

    def keeps(self, number: Any) -> bool:
        """Whether the address that this employee has in SafetyAmp stays: the directory did not answer, or twice."""
        if self.directory is None:
            return self.frozen
        return employee_number(number, ignore_leading_zeros=self.ignore_leading_zeros) in self.directory.ambiguous


def _remarks(directory: Directory) -> list[str]:
    remarks = []
    if directory.ambiguous:
        shown = ", ".join(directory.ambiguous[:_SHOWN_NUMBERS])
        more = len(directory.ambiguous) - _SHOWN_NUMBERS
        remarks.append(
            "employee numbers of several enabled accounts of the directory, none of which is used: "
            f"{shown}{f' and {more} more' if more > 0 else ''}"
        )
    if directory.without_address:
        remarks.append(f"accounts of the directory without an address of the company: {directory.without_address}")
    return remarks
