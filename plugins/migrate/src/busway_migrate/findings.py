"""What a run has to say about a place in the tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

__all__ = ["Finding", "FindingKind", "counts", "remaining"]


class FindingKind(StrEnum):
    """The classes of a report."""

    CHANGED = "changed"
    """A place that is written anew, or would be."""
    DONE = "done"
    """A file that uses the new names and no old one."""
    HAND = "hand"
    """A place that a person has to look at; nothing that hangs together with it was changed."""
    UNPARSABLE = "unparsable"
    """A file that cannot be read as Python; nothing is known about it."""
    OUTSIDE = "outside"
    """An old name in a file that is not Python."""
    DYNAMIC = "dynamic"
    """An old name in a string: an import or patch that is made while the program runs."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One place."""

    path: Path
    line: int
    """From 1; 0 for the file as a whole."""
    kind: FindingKind
    what: str
    """What was found, without a line break."""
    why: str = ""
    """Why it was not changed."""
    fix: str = ""
    """What to do."""
    rule: str = ""
    """The old name that the rule is about."""

    def as_dict(self, top: Path) -> dict[str, Any]:
        """For ``--json``; paths from ``top``."""
        shown = self.path.relative_to(top) if self.path.is_relative_to(top) else self.path
        return {
            "class": str(self.kind),
            "file": str(shown),
            "line": self.line,
            "what": self.what,
            "why": self.why,
            "fix": self.fix,
            "rule": self.rule,
        }


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many places there are of each class."""
    found = list(findings)
    return {str(kind): sum(finding.kind is kind for finding in found) for kind in FindingKind}


def remaining(findings: Iterable[Finding], *, written: bool) -> list[Finding]:
    """The places that are left to do; those that were changed are, as long as the change is not written."""
    settled = {FindingKind.DONE, FindingKind.CHANGED} if written else {FindingKind.DONE}
    return [finding for finding in findings if finding.kind not in settled]
