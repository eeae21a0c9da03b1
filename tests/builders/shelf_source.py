"""A secret source that keeps every rule of the contract, and the register of those that break one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from busway.contracts.secrets import SecretValue
from busway.errors import BuswayError, RefusedError, UnreachableError
from busway.testing.secrets import ODD_VALUES

KNOWN = {
    "SHELF_FIRST": "synthetic-value-first",
    "SHELF_SECOND": "synthetic-välue second",
    "SHELF_THIRD": "synthetic-value-third",
}
REFUSED = {"SHELF_REFUSED": "synthetic-value-refused"}
DATED = {"SHELF_DATED": (1_700_000_000_000_000_000, 4_102_444_800_000_000_000), "SHELF_UNDATED": (None, None)}
DATED_VALUE = "synthetic-value-dated"
NAME = re.compile(r"[A-Z][A-Z0-9_]{0,126}")


@dataclass
class Shelf:
    """What sources read: the server of the specimens."""

    values: dict[str, str]
    refused: frozenset[str] = frozenset()
    dates: Mapping[str, tuple[int | None, int | None]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    away: bool = False
    lists: int = 0

    def put(self, name: str, value: str) -> None:
        """A new version of a value."""
        self.values[name] = value
        self.versions[name] = self.versions.get(name, 1) + 1


def full_shelf() -> Shelf:
    """A shelf with all that the checks ask for."""
    values = {**KNOWN, **REFUSED, **ODD_VALUES, **dict.fromkeys(DATED, DATED_VALUE)}
    return Shelf(values, refused=frozenset(REFUSED), dates=DATED)


class ShelfSource:
    """A source that keeps every rule."""

    serves_settings = False

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.closed = 0

    def fetch(self, name: str) -> SecretValue | None:
        if self.shelf.away:
            raise self.outage()
        if not NAME.fullmatch(name):
            return None
        if name in self.shelf.refused:
            raise self.refusal(name)
        return self.value_of(name) if self.shelf.values.get(name) else None

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        found: dict[str, SecretValue | BuswayError] = {}
        for name in names:
            try:
                value = ShelfSource.fetch(self, name)
            except RefusedError as error:
                found[name] = error
            else:
                found |= {name: value} if value is not None else {}
        return found

    def names(self) -> Iterable[str]:
        self.shelf.lists += 1
        return [*self.shelf.values]

    def locate(self, name: str) -> str:
        return f"shelf {name}"

    def close(self) -> None:
        self.closed += 1

    def value_of(self, name: str) -> SecretValue:
        not_before, expires = self.shelf.dates.get(name, (None, None))
        version = str(self.shelf.versions.get(name, 1))
        return SecretValue(self.shelf.values[name], f"shelf {name}", version, expires, not_before)

    def outage(self) -> UnreachableError:
        return UnreachableError("TEST01", "the shelf is away", fix="put it back")

    def refusal(self, name: str) -> RefusedError:
        return RefusedError("TEST02", f"{name} is not for you", fix="ask the keeper")

    def __reduce__(self) -> Any:
        raise TypeError("a source cannot be pickled: it reads secrets")


@dataclass(frozen=True)
class Specimen:
    """A source that fails ``check``, and no other."""

    check: str
    source: Callable[[Shelf], Any]
    label: str


SPECIMENS: list[Specimen] = []


def breaks(check: str) -> Callable[[type[ShelfSource]], type[ShelfSource]]:
    """Enters a specimen."""

    def enter(made: type[ShelfSource]) -> type[ShelfSource]:
        SPECIMENS.append(Specimen(f"test_{check}", made, made.__name__))
        return made

    return enter
