"""Secret sources that break one rule each about outages, building and closing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Mapping

from builders.shelf_source import Shelf, ShelfSource, breaks
from busway.contracts.secrets import SecretValue
from busway.errors import BuswayError, RefusedError, UnreachableError

HANGING = threading.Event()
"""Set it to let abandoned calls of hanging specimens end."""


@breaks("an_outage_is_not_a_missing_name")
class TakesAnOutageForMissing(ShelfSource):
    def fetch(self, name: str) -> SecretValue | None:
        return None if self.shelf.away else super().fetch(name)


@breaks("an_outage_is_not_a_missing_name")
class CallsAnOutageARefusal(ShelfSource):
    def fetch(self, name: str) -> SecretValue | None:
        if self.shelf.away:
            raise RefusedError("TEST05", "the shelf is not there")
        return super().fetch(name)


@breaks("many_in_an_outage_are_not_missing")
class HasNothingInAnOutage(ShelfSource):
    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        return {} if self.shelf.away else super().fetch_many(names)


@breaks("an_outage_ends_within_the_call_time")
class HangsInAnOutage(ShelfSource):
    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        asked = list(names)
        if self.shelf.away and len(asked) > 20:
            HANGING.wait(30)
        return super().fetch_many(asked)


@breaks("an_outage_ends_when_the_source_is_back")
class StaysDown(ShelfSource):
    failed: UnreachableError | None = None

    def outage(self) -> UnreachableError:
        self.failed = super().outage()
        return self.failed

    def fetch(self, name: str) -> SecretValue | None:
        if self.failed is not None:
            raise self.failed
        return super().fetch(name)


@breaks("building_connects_to_nothing")
class ConnectsAtOnce(ShelfSource):
    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        with socket.socket() as probe:
            probe.connect_ex(("127.0.0.1", 9))


@breaks("building_connects_to_nothing")
class ResolvesAtOnce(ShelfSource):
    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        try:
            socket.getaddrinfo("127.0.0.1", 9)
        except OSError:
            shelf.lists = 0


@breaks("closing_an_unused_source_twice_is_harmless")
class ClosesWhatItNeverOpened(ShelfSource):
    opened = False

    def fetch(self, name: str) -> SecretValue | None:
        self.opened = True
        return super().fetch(name)

    def close(self) -> None:
        if not self.opened and self.closed:
            raise RuntimeError("closed twice, never opened")
        super().close()


@breaks("closing_a_used_source_twice_is_harmless")
class ClosesOnce(ShelfSource):
    opened = False

    def fetch(self, name: str) -> SecretValue | None:
        self.opened = True
        return super().fetch(name)

    def close(self) -> None:
        if self.opened and self.closed:
            raise RuntimeError("closed already")
        super().close()


@breaks("a_closed_source_answers_or_says_so")
class IsEmptyWhenClosed(ShelfSource):
    def fetch(self, name: str) -> SecretValue | None:
        return None if self.closed else super().fetch(name)


@breaks("a_closed_source_answers_or_says_so")
class BreaksWhenClosed(ShelfSource):
    def fetch(self, name: str) -> SecretValue | None:
        if self.closed:
            raise AttributeError("'NoneType' object has no attribute 'get'")
        return super().fetch(name)


@breaks("a_closed_source_answers_or_says_so")
class HangsWhenClosed(ShelfSource):
    def fetch(self, name: str) -> SecretValue | None:
        if self.closed:
            HANGING.wait(30)
        return super().fetch(name)
