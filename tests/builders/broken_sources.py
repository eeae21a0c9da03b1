"""Secret sources that break one rule each about answers and names."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from builders.shelf_source import KNOWN, NAME, Shelf, ShelfSource, breaks
from busway.contracts.secrets import SecretValue
from busway.errors import BuswayError, ConfigurationError
from busway.testing.secrets import MISSING


@breaks("it_has_the_shape_of_a_source")
class VagueAboutSettings(ShelfSource):
    serves_settings = "no"  # type: ignore[assignment]


@breaks("a_known_name_is_fetched")
class GivesAnotherValue(ShelfSource):
    def value_of(self, name: str) -> SecretValue:
        found = super().value_of(name)
        return SecretValue(KNOWN["SHELF_SECOND"], found.where) if name == "SHELF_THIRD" and self.alone else found

    alone = True

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        return ShelfSource(self.shelf).fetch_many(names)


@breaks("a_known_name_is_fetched")
class HasNoPlace(ShelfSource):
    def value_of(self, name: str) -> SecretValue:
        found = super().value_of(name)
        return SecretValue(found.value, None, found.version, found.expires_at_ns, found.not_before_ns)  # type: ignore[arg-type]


@breaks("an_unknown_name_is_none")
class RaisesForUnknown(ShelfSource):
    def fetch(self, name: str) -> SecretValue | None:
        if name == MISSING and not self.shelf.away:
            raise ConfigurationError("TEST03", "no such name")
        return super().fetch(name)

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        return ShelfSource.fetch_many(self, names)


@breaks("times_are_whole_nanoseconds")
class CountsSeconds(ShelfSource):
    def value_of(self, name: str) -> SecretValue:
        found = super().value_of(name)
        return SecretValue(found.value, found.where, found.version, expires_at_ns=4_102_444_800)


@breaks("times_are_whole_nanoseconds")
class CountsInFractions(ShelfSource):
    def value_of(self, name: str) -> SecretValue:
        found = super().value_of(name)
        return SecretValue(found.value, found.where, found.version, expires_at_ns=4.1e18)  # type: ignore[arg-type]


@breaks("times_are_whole_nanoseconds")
class ForgetsTheStart(ShelfSource):
    def value_of(self, name: str) -> SecretValue:
        found = super().value_of(name)
        return SecretValue(found.value, found.where, found.version, found.expires_at_ns)


@breaks("many_are_those_it_has")
class FillsGapsWithNothing(ShelfSource):
    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        asked = list(names)
        gaps: dict[str, Any] = dict.fromkeys(name for name in asked if name == MISSING)
        return super().fetch_many(asked) | gaps if not self.shelf.away else super().fetch_many(asked)  # type: ignore[operator]


@breaks("many_come_in_any_order_and_once")
class AnswersInTheOrderOfTheShelf(ShelfSource):
    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        asked = list(names)
        found = super().fetch_many(asked)
        if asked[:1] != ["SHELF_THIRD"]:
            return found
        return dict(zip(found, [found[name] for name in KNOWN], strict=True))


@breaks("nothing_asked_is_nothing_answered")
class GivesAllForNothing(ShelfSource):
    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        return super().fetch_many(list(names) or list(KNOWN))


@breaks("a_refused_name_spoils_no_other")
class RaisesAmongMany(ShelfSource):
    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        found = super().fetch_many(names)
        for answer in found.values():
            if isinstance(answer, BuswayError):
                raise answer
        return found


@breaks("a_refused_name_spoils_no_other")
class TakesRefusedForMissing(ShelfSource):
    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        found = super().fetch_many(names)
        return {name: answer for name, answer in found.items() if isinstance(answer, SecretValue)}


@breaks("odd_values_survive_unchanged")
class StripsValues(ShelfSource):
    def value_of(self, name: str) -> SecretValue:
        found = super().value_of(name)
        return SecretValue(found.value.strip(), found.where, found.version, found.expires_at_ns, found.not_before_ns)


@breaks("odd_values_survive_unchanged")
class CutsValues(ShelfSource):
    def value_of(self, name: str) -> SecretValue:
        found = super().value_of(name)
        return SecretValue(found.value[:4096], found.where, found.version, found.expires_at_ns, found.not_before_ns)


@breaks("a_change_is_seen")
class RemembersValues(ShelfSource):
    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        self.memo: dict[str, SecretValue] = {}

    def value_of(self, name: str) -> SecretValue:
        return self.memo.setdefault(name, super().value_of(name))


@breaks("a_change_is_seen")
class KeepsTheVersion(ShelfSource):
    def value_of(self, name: str) -> SecretValue:
        found = super().value_of(name)
        return SecretValue(found.value, found.where, "1", found.expires_at_ns, found.not_before_ns)


@breaks("many_threads_get_their_own_answers")
class SharesOneAnswer(ShelfSource):
    """All threads share the variable in which the name is kept while it is looked up."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        self.looking_up = ""
        self.together = threading.Barrier(2)

    def fetch(self, name: str) -> SecretValue | None:
        if "ThreadPool" not in threading.current_thread().name or name not in KNOWN:
            return super().fetch(name)
        self.looking_up = name
        try:
            self.together.wait(0.5)
        except threading.BrokenBarrierError:
            self.together.reset()
        return super().fetch(self.looking_up)


@breaks("names_are_listed_or_withheld")
class ListsTheFirstPage(ShelfSource):
    def names(self) -> Iterable[str]:
        return list(super().names())[:1]


@breaks("fetching_lists_nothing")
class ListsToFetch(ShelfSource):
    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        held = set(self.names()) if not self.shelf.away else set(KNOWN)
        return super().fetch_many([name for name in names if name in held or self.shelf.away])


@breaks("fetching_lists_nothing")
class ListsOnTheServer(ShelfSource):
    def value_of(self, name: str) -> SecretValue:
        self.shelf.lists += 1
        return super().value_of(name)


@breaks("a_place_is_told_for_a_name_it_lacks")
class PlacesOnlyWhatItHas(ShelfSource):
    def locate(self, name: str) -> str:
        return super().locate(name) if name in KNOWN else ""


@breaks("locate_never_raises")
class LooksUpThePlace(ShelfSource):
    def locate(self, name: str) -> str:
        if self.shelf.away:
            raise self.outage()
        return super().locate(name)


@breaks("locate_never_raises")
class SplitsThePlace(ShelfSource):
    def locate(self, name: str) -> str:
        return f"shelf {name.split('/', 1)[1]}" if name.startswith("/") else f"shelf {name.encode().decode()}"


@breaks("hostile_names_are_harmless")
class TrimsNames(ShelfSource):
    def fetch(self, name: str) -> SecretValue | None:
        return super().fetch(name.strip("./ \n\0"))


@breaks("hostile_names_are_harmless")
class MatchesBeginnings(ShelfSource):
    def fetch(self, name: str) -> SecretValue | None:
        longer = [one for one in KNOWN if one.startswith(name) and len(name) > 3 and NAME.fullmatch(name)]
        return super().fetch(longer[0] if longer and name not in KNOWN else name)


@breaks("hostile_names_are_harmless")
class OpensFiles(ShelfSource):
    """It reads a folder of files, and ``..`` leads out of it."""

    def fetch(self, name: str) -> SecretValue | None:
        if name.startswith(".."):
            return SecretValue("synthetic-password-file")
        return super().fetch(name)


@breaks("hostile_names_are_harmless")
class BreaksOnNames(ShelfSource):
    def fetch(self, name: str) -> SecretValue | None:
        if "\0" in name:
            raise ValueError("embedded null byte")
        return super().fetch(name)


@breaks("a_hostile_name_spoils_no_other")
class RefusesTheLotForAName(ShelfSource):
    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        asked = list(names)
        if not all(map(NAME.fullmatch, asked)) and not self.shelf.away:
            raise ConfigurationError("TEST04", "not a name")
        return super().fetch_many(asked)
