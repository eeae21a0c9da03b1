"""Secret sources that show values to others than those who fetch them."""

from __future__ import annotations

import logging
import sys
from typing import Any

from builders.shelf_source import KNOWN, ShelfSource, breaks
from busway.contracts.secrets import SecretValue
from busway.errors import RefusedError, UnreachableError

log = logging.getLogger("builders.shelf")


@breaks("places_never_show_values")
class ShowsTheValueAsAPlace(ShelfSource):
    def locate(self, name: str) -> str:
        return f"shelf {name} ({self.shelf.values.get(name, '')})"


@breaks("places_never_show_values")
class ShowsTheValueInTheAnswer(ShelfSource):
    def value_of(self, name: str) -> SecretValue:
        found = super().value_of(name)
        where = f"https://shelf/?value={found.value.encode().hex()}"
        return SecretValue(found.value, where, found.version, found.expires_at_ns, found.not_before_ns)


@breaks("its_own_text_never_shows_values")
class ShowsItsContent(ShelfSource):
    def __str__(self) -> str:
        return f"shelf with {self.shelf.values}"


@breaks("it_is_not_serialised_with_values")
class CanBePickled(ShelfSource):
    def __reduce__(self) -> Any:
        return CanBePickled, (self.shelf,)


@breaks("it_is_not_serialised_with_values")
class ShowsItsContentInACopy(ShelfSource):
    shown = ""

    def __copy__(self) -> ShelfSource:
        copied = type(self)(self.shelf)
        copied.shown = str(self.shelf.values)
        return copied

    __deepcopy__ = lambda self, memo: self.__copy__()  # noqa: E731 - the shape of the protocol

    def __repr__(self) -> str:
        return f"<shelf{self.shown}>"


@breaks("errors_never_show_values")
class QuotesTheRefusedValue(ShelfSource):
    def refusal(self, name: str) -> RefusedError:
        return RefusedError("TEST02", f"{name} is refused", why=f"cannot use {self.shelf.values[name]!r}")


@breaks("errors_never_show_values")
class RaisesFromTheValue(ShelfSource):
    def outage(self) -> UnreachableError:
        error = super().outage()
        error.__cause__ = OSError(f"connection reset while reading {KNOWN['SHELF_FIRST']}")
        return error


@breaks("errors_never_show_values")
class KeepsTheValueInTheContext(ShelfSource):
    def refusal(self, name: str) -> RefusedError:
        error = super().refusal(name)
        error.__context__, error.__suppress_context__ = ValueError(self.shelf.values[name].encode().hex()), True
        return error


@breaks("it_logs_and_prints_no_values")
class LogsValues(ShelfSource):
    def value_of(self, name: str) -> SecretValue:
        found = super().value_of(name)
        log.debug("read %s from the shelf: %s", name, found.value)
        return found


@breaks("it_logs_and_prints_no_values")
class PrintsValues(ShelfSource):
    def refusal(self, name: str) -> RefusedError:
        sys.stderr.write(f"{name} {self.shelf.values[name]}\n")
        return super().refusal(name)
