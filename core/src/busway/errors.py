"""Every error Busway raises on purpose.

The tree (exit code of the command line in brackets)::

    BuswayError [1]
    ├── UsageError [2]              a wrong command, option, job or plan file
    ├── ConfigurationError [3]      a setting, file or secret that is missing or wrong
    │   └── PluginError [3]         a plugin that is missing, broken or refused
    ├── RefusedError [4]            a remote understood us and said no
    │   └── RejectedRecordError     ... to one record, naming its fields
    ├── UnreachableError [5]        a remote, database or store that did not answer
    │   └── IncompleteReadError     it answered, but not with everything
    ├── RecordsFailedError [6]      a run that finished with failed records
    ├── HeldError [7]               a brake, lock or pause stopped the work
    └── StoppedError [130]          somebody asked to stop

An error carries a :class:`Problem`: code, what, where, why, fix. The command line prints
it, ``--json`` shows the same fields, and ``busway explain CODE`` prints the page of the code.
This module imports nothing of Busway, so that everything may import it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

__all__ = [
    "BuswayError",
    "ConfigurationError",
    "HeldError",
    "IncompleteReadError",
    "PluginError",
    "Problem",
    "RecordsFailedError",
    "RefusedError",
    "RejectedRecordError",
    "StoppedError",
    "UnreachableError",
    "UsageError",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, told for the person who has to mend it.

    No field may hold a secret or personal data: the text goes to terminals and logs.
    """

    code: str
    """``BW`` and four digits; ``busway explain`` has a page for each."""
    what: str
    """One sentence, no full stop needed."""
    where: str = ""
    """File and line, setting, plugin, job or address."""
    why: str = ""
    """The cause, as far as it is known."""
    fix: str = ""
    """What to do: where possible a command to paste."""

    def render(self, level: str = "error") -> str:
        """The text for a terminal: ``error[BW1101]: what`` and one line per known part."""
        parts = (("where", self.where), ("why", self.why), ("fix", self.fix))
        lines = [f"  {label:<6}{_indented(text)}" for label, text in parts if text]
        return "\n".join([f"{level}[{self.code}]: {self.what}", *lines])

    def as_dict(self) -> dict[str, str]:
        """The same fields for ``--json``."""
        return asdict(self)


def _indented(text: str) -> str:
    return text.replace("\n", "\n" + " " * 8)


class BuswayError(Exception):
    """Base of all; raised itself only for what would be a bug in Busway or a plugin."""

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, what: str, *, where: str = "", why: str = "", fix: str = "") -> None:
        super().__init__(f"{code}: {what}")
        self.problem = Problem(code, what, where, why, fix)
        self.others: tuple[Problem, ...] = ()

    @property
    def code(self) -> str:
        """The code of the first problem, such as ``BW1101``."""
        return self.problem.code

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong, most telling first; never empty."""
        return (self.problem, *self.others)

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> BuswayError:
        """One error for many problems found in one pass (``problems`` must not be empty)."""
        first = problems[0]
        error = cls(first.code, first.what, where=first.where, why=first.why, fix=first.fix)
        error.others = tuple(problems[1:])
        return error

    def render(self) -> str:
        """All problems as text for a terminal."""
        return "\n".join(problem.render() for problem in self.problems)


class UsageError(BuswayError):
    """The request itself cannot be carried out: unknown name, wrong option, bad plan file."""

    exit_code = 2


class ConfigurationError(BuswayError):
    """A setting, configuration file or secret is missing or wrong."""

    exit_code = 3


class PluginError(ConfigurationError):
    """A plugin is missing, speaks another contract version, or broke while it was loaded or built."""


class RefusedError(BuswayError):
    """A remote answered and refused: bad credentials, forbidden, or an answer that makes no sense.

    ``status`` is the HTTP status where there is one.
    """

    exit_code = 4
    ambiguous: bool = False
    """True when the remote may have carried out a write although its answer does not prove it; the engine then reads
    the record back before it does anything else."""

    def __init__(
        self,
        code: str,
        what: str,
        *,
        where: str = "",
        why: str = "",
        fix: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(code, what, where=where, why=why, fix=fix)
        self.status = status


class RejectedRecordError(RefusedError):
    """A remote refused one record. Raised by a job's writes; the engine fails that record and goes on.

    ``fields`` maps each field the remote complained about to its messages; empty when it named none.
    """

    def __init__(
        self,
        what: str,
        *,
        fields: Mapping[str, Iterable[str]] | None = None,
        status: int | None = None,
        code: str = "BW5003",
        where: str = "",
        why: str = "",
        fix: str = "",
    ) -> None:
        super().__init__(code, what, where=where, why=why, fix=fix, status=status)
        self.fields: dict[str, tuple[str, ...]] = {name: tuple(texts) for name, texts in (fields or {}).items()}


class UnreachableError(BuswayError):
    """A remote, a database or a store did not answer, or answered that it cannot serve now."""

    exit_code = 5
    ambiguous: bool = True
    """False when it is known that nothing was carried out: the request never left, or was turned away unread."""
    retry_after_seconds: float | None = None
    """What the remote asked to wait before the next call, where it said so."""


class IncompleteReadError(UnreachableError):
    """A read did not deliver the whole collection. Nothing may be decided on what it did deliver."""


class RecordsFailedError(BuswayError):
    """A run finished, and some of its records failed."""

    exit_code = 6


class HeldError(BuswayError):
    """A brake, a lock or a pause holds the work; nothing was written."""

    exit_code = 7


class StoppedError(BuswayError):
    """Somebody asked to stop while the work waited; what it waited for was not begun."""

    exit_code = 130
