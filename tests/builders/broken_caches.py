"""Cache backends that break one promise each, as somebody might: about entries, their time, listings, threads."""

from __future__ import annotations

import re
import threading
import time
import unicodedata
from collections.abc import Iterator
from typing import Any, cast

from builders.cache_specimens import PAUSE, Specimen, breaks
from busway.contracts.clock import Clock
from busway.testing.fake_caches import FakeCacheServer

# What is stored.


@breaks("test_it_has_the_shape_of_a_backend")
class SaysNotWhetherInClear(Specimen):
    def __init__(self, server: FakeCacheServer, clock: Clock) -> None:
        super().__init__(server, clock, stores_in_clear=cast("Any", None))


@breaks("test_a_missing_key_is_none")
class RaisesBeforeTheFirstWrite(Specimen):
    written = False

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        self.written = True
        super().set(key, entry, ttl_seconds)

    def get(self, key: str) -> bytes | None:
        if not self.written and key.endswith("e1"):
            raise KeyError(key)
        return super().get(key)


@breaks("test_values_come_back_as_they_were")
class TakesValuesForText(Specimen):
    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        super().set(key, entry.replace(b"\r\n", b"\n"), ttl_seconds)


@breaks("test_an_empty_value_is_a_value")
class TakesEmptyForMissing(Specimen):
    def get(self, key: str) -> bytes | None:
        return super().get(key) or None


@breaks("test_a_big_value_comes_back")
class CutsBigValues(Specimen):
    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        super().set(key, entry[:1_048_576], ttl_seconds)


@breaks("test_an_answer_is_bytes")
class AnswersWithABuffer(Specimen):
    def get(self, key: str) -> Any:
        found = super().get(key)
        return None if found is None else bytearray(found) if found in (b"entry", b"later") else found


@breaks("test_it_keeps_no_hold_of_a_buffer")
class KeepsTheBuffer(Specimen):
    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        super().set(key, entry, ttl_seconds)
        self.held[key] = (entry, self.held[key][1])

    def get(self, key: str) -> bytes | None:
        found = super().get(key)
        return None if found is None else bytes(found)


@breaks("test_the_last_write_wins")
class WritesOver(Specimen):
    """Without cutting off the rest of what was there."""

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        before = self.held.get(key, (b"", 0.0))[0]
        rest = before[len(entry) :] if before.startswith(b"first") else b""
        super().set(key, bytes(entry) + rest, ttl_seconds)


@breaks("test_delete_says_whether_there_was_one")
class AnswersWithACount(Specimen):
    def delete(self, key: str) -> Any:
        return int(super().delete(key))


@breaks("test_a_deleted_key_is_gone")
class HasABin(Specimen):
    """A deleted entry is still read from where it was moved to."""

    def __init__(self, server: FakeCacheServer, clock: Clock) -> None:
        super().__init__(server, clock)
        self.bin: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return super().get(key) or self.bin.get(key) if key in self.bin else super().get(key)

    def delete(self, key: str) -> bool:
        found = super().get(key)
        if found is not None:
            self.bin[key] = found
        return super().delete(key)


@breaks("test_delete_takes_one_key")
class DeletesByPrefix(Specimen):
    def delete(self, key: str) -> bool:
        for longer in [held for held in self.held if held.startswith(key)]:
            if longer != key:
                super().delete(longer)
        return super().delete(key)


class RenamesKeys(Specimen):
    """Stores under another name; lists what it was given, as long as that is one."""

    def name(self, key: str) -> str:
        return key

    def get(self, key: str) -> bytes | None:
        return super().get(self.name(key))

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        super().set(self.name(key), entry, ttl_seconds)

    def delete(self, key: str) -> bool:
        return super().delete(self.name(key))


@breaks("test_keys_are_apart")
class FoldsCase(RenamesKeys):
    def name(self, key: str) -> str:
        return key.lower() if key.isascii() else key


@breaks("test_hostile_keys_are_keys")
class EndsAtNul(RenamesKeys):
    def name(self, key: str) -> str:
        return key.partition("\0")[0]


@breaks("test_hostile_keys_are_keys")
class TakesKeysForPaths(RenamesKeys):
    def name(self, key: str) -> str:
        return re.sub(r"[^/]+/\.\./|^\./", "", key.replace("..", "."))


@breaks("test_keys_of_any_alphabet_are_keys")
class NormalisesKeys(RenamesKeys):
    def name(self, key: str) -> str:
        return unicodedata.normalize("NFC", key)


@breaks("test_long_keys_are_apart")
class CutsKeys(RenamesKeys):
    def name(self, key: str) -> str:
        return key[:255]


# For how long.


@breaks("test_an_entry_is_forgotten_after_its_time")
class ServesWhatIsOver(Specimen):
    """Unless it was written twice."""

    def __init__(self, server: FakeCacheServer, clock: Clock) -> None:
        super().__init__(server, clock)
        self.first: dict[str, bytes] = {}

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        if key in self.held or ttl_seconds <= 0:
            self.first.pop(key, None)
        else:
            self.first[key] = bytes(entry)
        super().set(key, entry, ttl_seconds)

    def get(self, key: str) -> bytes | None:
        found = super().get(key)
        return self.first.get(key) if found is None and key in self.held else found


@breaks("test_what_is_forgotten_is_not_listed")
class ListsWhatIsOver(Specimen):
    def scan(self, pattern: str) -> Iterator[str]:
        live = list(super().scan(pattern))
        return iter(live if pattern != "*" else [*self.held])


@breaks("test_what_is_forgotten_is_not_there_to_delete")
class DeletesWhatIsOver(Specimen):
    def delete(self, key: str) -> bool:
        there = key in self.held
        return super().delete(key) or there


@breaks("test_a_write_lengthens_the_time")
class KeepsTheFirstTime(Specimen):
    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        now = self._clock.monotonic()
        before = self.held.get(key, (b"", float("inf")))[1]
        left = before - now
        super().set(key, entry, min(ttl_seconds, left) if left > 0 else ttl_seconds)


@breaks("test_a_write_shortens_the_time")
class KeepsTheLongestTime(Specimen):
    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        left = self.held.get(key, (b"", 0.0))[1] - self._clock.monotonic()
        super().set(key, entry, max(ttl_seconds, left))


@breaks("test_no_time_is_no_entry")
class TakesNoTimeForAlways(Specimen):
    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        super().set(key, entry, ttl_seconds if ttl_seconds > 0 else 1e9)


@breaks("test_parts_of_a_second_count")
class CountsWholeSeconds(Specimen):
    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        super().set(key, entry, int(ttl_seconds))


@breaks("test_a_year_is_kept")
class TakesLongTimesForDates(Specimen):
    """Above 30 days a number of seconds counts from 1970, as in memcached."""

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        super().set(key, entry, ttl_seconds if ttl_seconds <= 30 * 86_400 else -1)


# Found by pattern.


@breaks("test_scan_finds_by_pattern")
class FindsBeginnings(Specimen):
    def scan(self, pattern: str) -> Iterator[str]:
        return super().scan(pattern + "*" if "[" not in pattern and "\\" not in pattern else pattern)


@breaks("test_scan_finds_nothing_of_another_app")
class FindsAnywhere(Specimen):
    def scan(self, pattern: str) -> Iterator[str]:
        return super().scan("*" + pattern)


@breaks("test_scan_knows_sets")
class KnowsNoRanges(Specimen):
    def scan(self, pattern: str) -> Iterator[str]:
        return super().scan(re.sub(r"\[(\w)-(\w)\]", r"[\1\2]", pattern))


@breaks("test_scan_knows_negated_sets")
class NegatesNothing(Specimen):
    def scan(self, pattern: str) -> Iterator[str]:
        return super().scan(pattern.replace("[!", "["))


@breaks("test_an_escaped_pattern_is_literal")
class KnowsNoEscape(Specimen):
    def scan(self, pattern: str) -> Iterator[str]:
        return super().scan(pattern.replace("\\", ""))


@breaks("test_many_keys_are_all_found")
class ListsOnePage(Specimen):
    def scan(self, pattern: str) -> Iterator[str]:
        return iter(list(super().scan(pattern))[:1_000])


@breaks("test_scan_lists_no_key_twice")
class ListsEveryWrite(Specimen):
    def __init__(self, server: FakeCacheServer, clock: Clock) -> None:
        super().__init__(server, clock)
        self.again: set[str] = set()

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        if key in self.held:
            self.again.add(key)
        super().set(key, entry, ttl_seconds)

    def scan(self, pattern: str) -> Iterator[str]:
        for key in super().scan(pattern):
            yield key
            if key in self.again:
                yield key


@breaks("test_keys_may_be_removed_while_they_are_listed")
class ListsWhatChanges(Specimen):
    def scan(self, pattern: str) -> Iterator[str]:
        keys = list(super().scan(pattern))
        return (key for key in self.held if key in keys)


# By many threads.


@breaks("test_readers_never_see_half_a_value")
class WritesInHalves(Specimen):
    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        if len(entry) == 20_000:
            super().set(key, entry[: len(entry) // 2], ttl_seconds)
            time.sleep(PAUSE)
        super().set(key, entry, ttl_seconds)


@breaks("test_threads_on_many_keys_do_not_mix")
class SharesWhatItWrites(Specimen):
    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        self.entry = entry
        if threading.current_thread() is not threading.main_thread():
            time.sleep(PAUSE)
        super().set(key, self.entry, ttl_seconds)


@breaks("test_of_many_who_delete_one_did")
class LooksBeforeItDeletes(Specimen):
    def delete(self, key: str) -> bool:
        there = super().get(key) is not None
        if threading.current_thread() is not threading.main_thread():
            time.sleep(PAUSE * 5)
        super().delete(key)
        return there
