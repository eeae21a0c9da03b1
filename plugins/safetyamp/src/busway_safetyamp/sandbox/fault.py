"""One fault: what goes wrong, where, how often."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from busway.errors import UsageError

if TYPE_CHECKING:
    from busway_safetyamp.sandbox.faults import Place

__all__ = ["MEANINGS", "OPTIONS", "Fault", "FaultKind", "named", "nearest"]


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


OPTIONS: Mapping[str, str] = {
    "resource": "only for this resource: users, sites, vehicles, token ...",
    "page": "only for this page of its list, counted from 0",
    "after": "so many calls pass first",
    "times": "so many times; without it until --clear",
    "status": "300 to 599, for fail and fail-after-commit",
    "retry_after": "text of the header, for throttle",
    "field": "name of a field, for ignore",
    "seconds": "up to 3600, for slow",
}

_NUMBERS: Mapping[str, tuple[Callable[[Any], float], float, float]] = {
    "page": (int, 0, math.inf),
    "after": (int, 0, math.inf),
    "times": (int, 1, math.inf),
    "status": (int, 300, 599),
    "seconds": (float, 0, 3600),
}
"""How each is read, and the least and the largest it may be."""
_HELP = "busway safetyamp fault --help"


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
        wrong = [name for name in options if name not in OPTIONS]
        if kind not in set(FaultKind) or wrong:
            raise _unknown(kind, wrong)
        given = {name: _value(kind, name, value) for name, value in options.items() if value is not None}
        if kind == FaultKind.IGNORE and not given.get("field"):
            raise _fieldless()
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


def _value(kind: str, name: str, value: Any) -> Any:
    if name not in _NUMBERS:
        return str(value)
    convert, least, most = _NUMBERS[name]
    try:
        number = convert(value)
    except (TypeError, ValueError) as error:
        raise _no_number(kind, name) from error
    # Not the other way round: nothing compares with a NaN.
    if not least <= number <= most:
        raise _no_number(kind, name)
    return number


def _unknown(kind: str, wrong: list[str]) -> UsageError:
    if kind not in set(FaultKind):
        what, names, given = f"there is no fault {kind!r}", [str(one) for one in FaultKind], kind
    else:
        what, names, given = f"a fault has no option {wrong[0]!r}", sorted(OPTIONS), wrong[0]
    return _refused(what, f"known are {', '.join(names)}", nearest(given, names))


def _no_number(kind: str, name: str) -> UsageError:
    convert, least, most = _NUMBERS[name]
    form = "a whole number" if convert is int else "a number"
    limits = f"of {least:g} or more" if math.isinf(most) else f"from {least:g} to {most:g}"
    return _refused(f"{name} of the fault {kind} cannot be used", f"it is {form} {limits}", _HELP)


def _fieldless() -> UsageError:
    why = "a write ignores one field, and none is named"
    return _refused("the fault ignore needs a field", why, "write ignore field=ext_id, for example")


def nearest(given: str, names: Iterable[str]) -> str:
    """What to do about a name that is not known: the one that was meant, as far as that can be told."""
    near = get_close_matches(given, list(names), n=1)
    return f"did you mean {near[0]}?" if near else _HELP


def _refused(what: str, why: str, fix: str) -> UsageError:
    return UsageError("BW8009", what, where="the fault asked for", why=why, fix=fix)
