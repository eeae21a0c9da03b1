"""Cache backends that break one promise each, as somebody might: about locks, stamps, messages, outages, closing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from builders.cache_specimens import HANGING, PAUSE, Specimen, breaks
from busway.contracts.clock import Clock
from busway.errors import UnreachableError
from busway.testing.fake_caches import FakeCacheServer

# Locks.


@breaks("test_a_lock_is_for_one")
class LocksForItself(Specimen):
    """What another instance holds is nobody's."""

    def __init__(self, server: FakeCacheServer, clock: Clock) -> None:
        super().__init__(server, clock)
        self.mine: set[str] = set()

    def acquire_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        if name not in self.mine:
            self.server.locks.pop(name, None)
        self.mine.add(name)
        return super().acquire_lock(name, token, lease_seconds)


@breaks("test_locks_of_two_names_are_two")
class SharesLocks(Specimen):
    def acquire_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        return super().acquire_lock(name.partition(":")[0], token, lease_seconds)


@breaks("test_of_many_at_once_one_gets_the_lock")
class LooksBeforeItLocks(Specimen):
    def acquire_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        if self._holder(name) is not None:
            return super().acquire_lock(name, token, lease_seconds)
        if threading.current_thread() is not threading.main_thread():
            time.sleep(PAUSE * 5)
        self._called("acquire_lock")
        self._lease(name, token, lease_seconds)
        return True


@breaks("test_a_lock_ends_with_its_lease")
class LocksForEver(Specimen):
    def acquire_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        self._called("acquire_lock")
        return name not in self.server.locks and super().acquire_lock(name, token, lease_seconds)


@breaks("test_a_renewed_lock_is_kept")
class RenewsNothing(Specimen):
    def renew_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        return self._holder(name) == token


@breaks("test_a_lost_lock_is_not_renewed")
class RenewsForAnybody(Specimen):
    def renew_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        self._lease(name, token, lease_seconds)
        return True


@breaks("test_a_stranger_releases_nothing")
class ReleasesForAnybody(Specimen):
    def release_lock(self, name: str, token: str) -> bool:
        holder = self._holder(name)
        return holder is not None and super().release_lock(name, holder)


@breaks("test_a_released_lock_is_free")
class SaysNotWhetherItReleased(Specimen):
    def release_lock(self, name: str, token: str) -> Any:
        super().release_lock(name, token)


@breaks("test_a_release_wakes_those_who_wait")
class LooksNowAndThen(Specimen):
    def wait_lock(self, name: str, timeout_seconds: float) -> bool:
        until = self._clock.monotonic() + timeout_seconds
        while self._holder(name) is not None:
            if self._clock.monotonic() >= until:
                return False
            time.sleep(0.15)
        return True


@breaks("test_a_free_lock_is_not_waited_for")
class WaitsForTheNextRelease(Specimen):
    def wait_lock(self, name: str, timeout_seconds: float) -> bool:
        return self._holder(name) is not None and super().wait_lock(name, timeout_seconds)


@breaks("test_waiting_for_a_lock_has_an_end")
class SaysItIsFree(Specimen):
    def wait_lock(self, name: str, timeout_seconds: float) -> bool:
        super().wait_lock(name, timeout_seconds)
        return True


@breaks("test_the_end_of_a_lease_ends_the_wait")
class HearsReleasesOnly(Specimen):
    def wait_lock(self, name: str, timeout_seconds: float) -> bool:
        free = super().wait_lock(name, timeout_seconds)
        return free and name not in self.server.locks


@breaks("test_locks_are_no_entries")
class KeepsLocksAmongEntries(Specimen):
    def acquire_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        taken = super().acquire_lock(name, token, lease_seconds)
        if taken and lease_seconds > 1:
            self.held[name] = (token.encode(), self._clock.monotonic() + lease_seconds)
        return taken


# Stamps.


@breaks("test_a_stamp_nobody_set_is_zero")
class HasNoZero(Specimen):
    def read_generations(self, names: Sequence[str]) -> Any:
        return [stamp or None for stamp in super().read_generations(names)]


@breaks("test_a_stamp_is_exact")
class CountsInFloats(Specimen):
    def raise_generation(self, name: str, stamp: int) -> int:
        return super().raise_generation(name, int(float(stamp)))


@breaks("test_a_stamp_is_never_lowered")
class AnswersWithWhatWasAsked(Specimen):
    def raise_generation(self, name: str, stamp: int) -> int:
        super().raise_generation(name, stamp)
        return stamp


@breaks("test_many_stamps_are_one_question")
class AnswersInAnyOrder(Specimen):
    def read_generations(self, names: Sequence[str]) -> Sequence[int]:
        return super().read_generations(sorted(set(names)))


@breaks("test_stamps_are_seen_by_another")
class RemembersStamps(Specimen):
    def __init__(self, server: FakeCacheServer, clock: Clock) -> None:
        super().__init__(server, clock)
        self.known: dict[str, int] = {}

    def read_generations(self, names: Sequence[str]) -> Sequence[int]:
        stamps = super().read_generations(names)
        return [self.known.setdefault(name, stamp) for name, stamp in zip(names, stamps, strict=True)]


@breaks("test_stamps_outlive_who_raised_them")
class TakesStampsAlong(Specimen):
    def close(self) -> None:
        super().close()
        self.server.stamps.clear()


@breaks("test_of_many_raises_the_highest_stays")
class LooksBeforeItRaises(Specimen):
    def raise_generation(self, name: str, stamp: int) -> int:
        held = max(stamp, *super().read_generations([name]))
        if threading.current_thread() is not threading.main_thread():
            time.sleep(PAUSE * (20 - stamp))
        self.server.stamps[name] = held
        return held


@breaks("test_stamps_are_no_entries")
class KeepsStampsAmongEntries(Specimen):
    def raise_generation(self, name: str, stamp: int) -> int:
        held = super().raise_generation(name, stamp)
        self.held[name] = (b"%d" % held, self._clock.monotonic() + 1e9)
        return held


# Messages.


@breaks("test_a_message_arrives_as_it_was")
class TakesMessagesForText(Specimen):
    def publish(self, message: bytes) -> None:
        super().publish(message.replace(b"\r\n", b"\n"))


@breaks("test_a_message_reaches_another")
class TalksToItself(Specimen):
    def publish(self, message: bytes) -> None:
        self._called("publish")
        for receive in self._receivers():
            receive(message)


@breaks("test_a_subscription_that_was_stopped_is_silent")
class NeverStops(Specimen):
    def subscribe(self, receive: Callable[[bytes], None]) -> Callable[[], None]:
        super().subscribe(receive)
        return lambda: None


@breaks("test_after_close_no_message_arrives")
class ListensWhenClosed(Specimen):
    def close(self) -> None:
        self.closed = True


# Away, damaged, closed.


@breaks("test_an_outage_is_unreachable")
class RaisesWhatItsClientRaises(Specimen):
    def delete(self, key: str) -> bool:
        if self.away:
            raise ConnectionError("refused")
        return super().delete(key)


@breaks("test_an_outage_is_unreachable")
class HidesOutages(Specimen):
    def get(self, key: str) -> bytes | None:
        return None if self.away else super().get(key)


@breaks("test_it_answers_again_after_an_outage")
class StaysAway(Specimen):
    lost = False

    def _called(self, name: str) -> None:
        self.lost = self.lost or self.away
        if self.lost:
            raise UnreachableError("BW2000", "away, for good")
        super()._called(name)


@breaks("test_damaged_bytes_are_no_error")
class TrustsWhatItReads(Specimen):
    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        super().set(key, b"own:" + bytes(entry), ttl_seconds)

    def get(self, key: str) -> bytes | None:
        found = super().get(key)
        if found is None:
            return None
        if not found.startswith(b"own:"):
            raise ValueError("not written by us")
        return found[4:]


@breaks("test_closing_twice_is_harmless")
class ClosesOnce(Specimen):
    def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        super().close()


@breaks("test_closing_one_that_was_never_used_is_harmless")
class ClosesWhatIsNotOpen(Specimen):
    def close(self) -> None:
        if not self.calls:
            raise AttributeError("no connection")
        super().close()


@breaks("test_a_closed_one_answers_or_says_so")
class FallsApartWhenClosed(Specimen):
    def get(self, key: str) -> bytes | None:
        if self.closed:
            raise AttributeError("no pool")
        return super().get(key)


@breaks("test_a_closed_one_answers_or_says_so")
class HangsWhenClosed(Specimen):
    def get(self, key: str) -> bytes | None:
        if self.closed:
            HANGING.wait()
        return super().get(key)


@breaks("test_building_it_connects_to_nothing")
class ConnectsWhenBuilt(Specimen):
    def __init__(self, server: FakeCacheServer, clock: Clock) -> None:
        super().__init__(server, clock)
        if server.stamps.get("server is away"):
            raise UnreachableError("BW2000", "the fake server is away")
