"""One fault: what goes wrong, where, how often."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from busway.errors import UsageError

if TYPE_CHECKING:
    from busway_safetyamp.sandbox.faults import Place

__all__ = ["MEANINGS", "Fault", "FaultKind", "named"]


class FaultKind(StrEnum):
    """What goes wrong."""

    FAIL = "fail"
    FAIL_AFTER_COMMIT = "fail-after-commit"
    THROTTLE = "throttle"
    HTML = "html"
    SHAPELESS = "shapeless"
    EMPTY = "empty"
    SHORTEN = "shorten"
    REPEAT = "repeat"
    SHUFFLE = "shuffle"
    TRUNCATE = "truncate"
    SLOW = "slow"
    HANG = "hang"
    DROP = "drop"
    RESET = "reset"
    IGNORE = "ignore"


MEANINGS: Mapping[FaultKind, str] = {
    FaultKind.FAIL: "answered with status, 500 unless it is given",
    FaultKind.FAIL_AFTER_COMMIT: "a write is committed, and answered with status",
    FaultKind.THROTTLE: "answered 429, with retry_after as the header where it is given",
    FaultKind.HTML: "answered 200 with a page of HTML, as a sign-in portal in the way does",
    FaultKind.SHAPELESS: "served, and answered with JSON that lacks what was asked for",
    FaultKind.EMPTY: "a page without records",
    FaultKind.SHORTEN: "a page lacks its last third",
    FaultKind.REPEAT: "a page brings the records of the one before",
    FaultKind.SHUFFLE: "each page is cut from the list in another order",
    FaultKind.TRUNCATE: "the answer breaks off in the middle, and the connection ends",
    FaultKind.SLOW: "the answer comes byte by byte, with seconds between them",
    FaultKind.HANG: "nothing is answered, and the connection stays open",
    FaultKind.DROP: "the connection is reset before anything is done",
    FaultKind.RESET: "a write is committed, and the connection is reset instead of an answer",
    FaultKind.IGNORE: "a write ignores field in silence, as one the account does not know",
}


_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("page", "after", "times", "status"), int),
    "seconds": float,
}


@dataclass(slots=True)
class Fault:
    """A fault that is armed. Counts down ``after`` and ``times`` as it meets requests."""

    kind: FaultKind
    resource: str = ""
    """Only requests about this resource (``users``, ``vehicles``, ``token``); empty is every one."""
    page: int | None = None
    """Only this page of it, from 0."""
    after: int = 0
    """Requests that are let pass first."""
    times: int | None = None
    """How often it strikes; None is until it is cleared."""
    status: int = 500
    retry_after: str = ""
    field: str = ""
    seconds: float = 0.5

    @classmethod
    def from_options(cls, kind: str, options: Mapping[str, Any]) -> Fault:
        """The fault that ``kind`` and its options, as text or JSON values, describe. Raises ``UsageError`` BW8009."""
        known = {field.name for field in fields(cls)} - {"kind"}
        wrong = [name for name in options if name not in known]
        if kind not in set(FaultKind) or wrong:
            raise _unknown(kind, wrong, known)
        values = {name: _CONVERTERS.get(name, str) for name in options if options[name] is not None}
        try:
            given: dict[str, Any] = {name: convert(options[name]) for name, convert in values.items()}
        except (TypeError, ValueError) as error:
            raise _no_number(kind) from error
        return cls(FaultKind(kind), **given)

    @classmethod
    def from_text(cls, text: str) -> Fault:
        """The fault that ``fail resource=users page=1 status=503`` describes. Raises ``UsageError`` BW8009."""
        kind, *options = text.split() or [""]
        return cls.from_options(kind, named(options))

    def meets(self, place: Place) -> bool:
        """Whether it strikes a request about ``place``; counts when it is meant."""
        if self.times == 0 or self.resource not in ("", place.resource) or self.page not in (None, place.page):
            return False
        if self.page is not None and place.writes:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times = None if self.times is None else self.times - 1
        return True

    def as_dict(self) -> dict[str, Any]:
        """For the answer of ``GET /sandbox/faults``."""
        return asdict(self)


def named(options: Iterable[str]) -> dict[str, str]:
    """``["page=1"]`` as ``{"page": "1"}``."""
    return {name: value for name, _, value in (option.partition("=") for option in options)}


def _unknown(kind: str, wrong: list[str], known: set[str]) -> UsageError:
    if kind not in set(FaultKind):
        what, names, given = f"there is no fault {kind!r}", [str(one) for one in FaultKind], kind
    else:
        what, names, given = f"a fault has no option {wrong[0]!r}", sorted(known), wrong[0]
    near = get_close_matches(given, names, n=1)
    return UsageError(
        "BW8009",
        what,
        where="the fault asked for",
        why=f"known are {', '.join(names)}",
        fix=f"did you mean {near[0]}?" if near else "busway safetyamp fault --help",
    )


def _no_number(kind: str) -> UsageError:
    return UsageError(
        "BW8009",
        f"an option of the fault {kind} is not a number",
        where="the fault asked for",
        why="page, after, times and status are whole numbers, and seconds is a number",
        fix="busway safetyamp fault --help",
    )
